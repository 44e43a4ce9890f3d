#!/bin/sh
# Counts in the volume: one byte for each visit, so that two at once cannot lose one.
printf . >>/data/visits
printf 'Content-Type: text/plain\n\n'
stat -c %s /data/visits
