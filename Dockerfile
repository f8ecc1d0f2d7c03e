# InfFeed for a team on one host. See docs/deploying.md; untested where it was written, which had no Docker.
FROM python:3.11-slim AS build
WORKDIR /source
RUN pip install --no-cache-dir build==1.6.1
COPY pyproject.toml README.md LICENSE app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY sample_data sample_data
COPY inffeed_core inffeed_core
RUN python -m build --wheel --outdir /wheels

FROM python:3.11-slim
# The CPU build of torch; PyPI's own brings several GB of CUDA.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir -r /tmp/requirements.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[all]" && rm -r /wheels /tmp/requirements.txt

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin inffeed && install -d -o inffeed /projects
USER inffeed
WORKDIR /home/inffeed
# Inside the container the server has to listen on every address; compose.yaml publishes it on 127.0.0.1 alone.
ENV INFFEED_HOME=/projects \
    HF_HUB_OFFLINE=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
VOLUME /projects
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["inffeed"]
CMD ["app", "--headless", "--port", "8501"]
