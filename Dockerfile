# Strata in a container, on a Postgres 18 given by DATABASE_URL (see docker-compose.yml): the embedded one is not in this image.
FROM node:24-slim AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY src/dashboard ./src/dashboard
RUN node src/dashboard/build.js

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# the command line beside the service: docker compose exec strata strata verify
RUN ln -s /app/src/cli/launch.js /usr/local/bin/strata && mkdir /data && chown node:node /data
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY openapi.yaml ./
COPY migrations ./migrations
COPY src ./src
COPY --from=page /app/dist ./dist
# files of a clone made under a strict umask are their owner's alone, and COPY keeps that
RUN chmod -R a+rX package.json openapi.yaml migrations src dist
# the user node by its number, which tells Kubernetes (runAsNonRoot) that it is not root
USER 1000:1000
# DRAIN_SECONDS: not ready, and answering on, until whoever sends requests has noticed
# MALLOC_ARENA_MAX: as npm start has it; glibc keeps 15 MB less
ENV HOST=0.0.0.0 PORT=3000 DATA_DIR=/data DRAIN_SECONDS=5 MALLOC_ARENA_MAX=2
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "--heap-growing-percent=50", "src/cli/launch.js", "start"]
