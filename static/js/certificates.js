// How long certificates are good for, in words, and which of them want attention.

import { span } from "./format.js";

/** Days before its end at which a certificate is told of; the server's log begins then, too. */
const SOON_DAYS = 30;
const DAY_MS = 86_400_000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const JAVA = /^\w{3} (\w{3}) (\d{1,2}) (\d{2}):(\d{2}):(\d{2}) \w+ (\d{4})$/;

/** Milliseconds of a date such as `Fri Feb 03 17:59:21 UTC 2017`, or null. */
export function javaDate(text) {
  const found = JAVA.exec(text || "");
  const month = found ? MONTHS.indexOf(found[1]) : -1;
  if (month < 0) return null;
  const [day, hour, minute, second, year] = found.slice(2).map(Number);
  return Date.UTC(year, month, day, hour, minute, second);
}

/**
 * The badge of a certificate: whether it has expired, will soon, or is good.
 * @param {any} certificate
 * @returns {{tone: "ok"|"warn"|"bad", word: string}}
 */
export function lifetime(certificate, now = Date.now()) {
  const end = javaDate(certificate.expiresAt);
  if (end === null) return { tone: "ok", word: "valid" };
  const words = span(Math.abs(end - now) / 1000);
  if (end <= now) return { tone: "bad", word: `expired ${words} ago` };
  if (end - now <= SOON_DAYS * DAY_MS) return { tone: "warn", word: `expires in ${words}` };
  return { tone: "ok", word: `valid for ${words}` };
}

/** The worst lifetime among certificates, or null when none wants attention. */
export function concern(certificates, now = Date.now()) {
  const all = [...certificates].map((one) => lifetime(one, now));
  return all.find((one) => one.tone === "bad") || all.find((one) => one.tone === "warn") || null;
}

/** Ids of the certificates that a balancer serves. */
export function certificateIds(balancer) {
  const config = balancer.lbConfig || {};
  return [...new Set([config.defaultCertificateId, ...(config.certificateIds || [])].filter(Boolean))];
}
