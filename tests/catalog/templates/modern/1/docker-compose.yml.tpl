version: '2'
{{- if eq .Values.VOLUME_DRIVER "rancher-nfs" }}
volumes:
  data:
    driver: ${VOLUME_DRIVER}
    per_container: true
{{- else }}
volumes:
  data:
    driver: local
{{- end }}
services:
  web:
    image: nginx:${TAG}
    environment:
      SIZE: '${SIZE}'
      NOTE: |-
        ${NOTE}
      STACK: '{{ .Stack.Name }}'
      RELEASE: '{{ .Release.Version }}'
      BEFORE: '{{ .Release.PreviousVersion }}'
      UPPER: '{{ printf "%s-%s" .Stack.Name .Values.SIZE | upper }}'
{{- range $i, $name := splitList "," .Values.NAMES }}
      NAME_{{ $i }}: '{{ $name }}'
{{- end }}
    labels:
      io.rancher.sidekicks: cron,data
      io.rancher.container.hostname_override: container_name
{{- if and (ne .Values.HOST_LABEL "") (contains "=" .Values.HOST_LABEL) }}
      io.rancher.scheduler.affinity:host_label_soft: ${HOST_LABEL}
{{- end }}
    volumes_from: [data]
    links: [db]
{{- with .Values.OTHER }}
    external_links: ['{{ . }}:outside']
{{- end }}
  cron:
    image: busybox
    command: sleep 100000
    network_mode: "service:web"
  data:
    image: busybox
    entrypoint: /bin/true
    volumes: ['data:/data']
    labels: {io.rancher.container.start_once: 'true'}
  db:
    image: postgres:17
    environment: {POSTGRES_PASSWORD: '${PASSWORD}'}
    mem_limit: 128m
    logging: {driver: json-file, options: {max-size: 10m}}
{{- range $i, $e := until (atoi .Values.WORKERS) }}
  worker{{ $i }}:
    image: busybox
    command: sleep 100000
{{- end }}
{{- if eq .Values.PUBLISH "true" }}
  front:
    image: rancher/lb-service-haproxy:v0.9.1
    ports: ['${PORT}:${PORT}/tcp']
{{- end }}
