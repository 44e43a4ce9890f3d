#!/bin/sh
# Says who answers.
printf 'Content-Type: text/plain\n\n'
hostname
