# The deploy image: Ansible, this collection and its functions, for pipelines and laptops (README.md).
# Kept to what the classic builder knows too; there, each stage must declare the ARGs that it uses.
# A registry's digest pins the base: make image BASE_IMAGE=python:3.13-slim@sha256:...
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS base
# Jenkins ends an aborted build by what `ps -A -o pid,command e` says; slim images lack procps. There
# is no git and no ssh: Jenkins and GitLab check out beside the container, GitHub without git by its API.
# Not pinned: Debian's mirrors keep only a release's newest version, and apt checks its signature.
# hadolint ignore=DL3008
RUN if ! command -v ps; then \
      apt-get update \
      && apt-get install --yes --no-install-recommends procps \
      && apt-get clean && rm -rf /var/lib/apt/lists/*; \
    fi

FROM base AS pip
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_FIND_LINKS=/wheels PIP_NO_CACHE_DIR=1 \
    PIP_ONLY_BINARY=:all: PIP_REQUIRE_HASHES=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
RUN python -m venv /opt/venv
WORKDIR /build
COPY deploy_image/wheels /wheels

FROM pip AS functions
ARG PIP_NO_INDEX
ARG PIP_INDEX_URL
COPY custom_resources custom_resources
RUN python -m custom_resources.build --runtime python3.13 --architecture x86_64 \
    && python -m custom_resources.build --runtime python3.13 --architecture arm64

FROM pip AS ansible
ARG PIP_NO_INDEX
ARG PIP_INDEX_URL
COPY deploy_image/requirements.txt .
RUN pip install --no-compile --requirement requirements.txt
COPY deploy_image/collections.txt deploy_image/unpack_collection.py ./
RUN pip download --no-deps --dest ansible --requirement collections.txt \
    && python unpack_collection.py ansible/*.whl amazon.aws /opt/collections \
    && rm -r ansible
WORKDIR /opt/venv/lib
# What only building, testing and documenting need goes. What is left is compiled, since nobody can
# write it later; but for modules, which Ansible sends as text.
RUN rm -r ../bin/pip* ../bin/ansible-test python3*/site-packages/pip* python3*/site-packages/ansible_test \
    && find . -name "examples-1.json*" -delete \
    && python -m compileall -q -x ansible/modules --invalidation-mode unchecked-hash .
WORKDIR /build
COPY . collection
RUN ansible-galaxy collection build --output-path . collection \
    && ansible-galaxy collection install --offline --no-deps --collections-path /opt/collections quayside-fargate-*.tar.gz
COPY --from=functions /build/build/functions /opt/collections/ansible_collections/quayside/fargate/build/functions
# A checkout's files may be its owner's alone.
RUN chmod --recursive a+rX /opt/collections

FROM base
# A pipeline's agent runs under any uid, without a name and a home.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ANSIBLE_HOME=/tmp/.ansible ANSIBLE_LOCAL_TEMP=/tmp/.ansible/tmp ANSIBLE_REMOTE_TEMP=/tmp/.ansible/tmp \
    ANSIBLE_COLLECTIONS_PATH=/opt/collections ANSIBLE_PYTHON_INTERPRETER=/opt/venv/bin/python
COPY ansible.cfg /etc/ansible/ansible.cfg
COPY --from=ansible /opt/venv /opt/venv
COPY --from=ansible /opt/collections /opt/collections
WORKDIR /workspace
USER 10001:10001
CMD ["ansible-playbook", "--version"]
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="Quayside deploy image" \
      org.opencontainers.image.description="Deploys microservices to AWS Fargate and Aurora PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
