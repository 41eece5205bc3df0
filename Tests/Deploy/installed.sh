#!/bin/sh
# Runs in a clean Debian system that has /srv/coxswain.deb. Says "passed NAME" or "FAILED NAME" for each check, and
# "END". Argument: plain (a chroot) or systemd (booted).

export COXSWAIN_RUNTIME_DIR=/run/coxswain
export DEBIAN_FRONTEND=noninteractive

check() {
  name=$1
  shift
  if output=$("$@" 2>&1); then
    echo "passed $name"
  else
    echo "FAILED $name: $*: $output"
  fi
}

refused() { ! "$@"; }
contains() { printf '%s' "$1" | grep -q -- "$2"; }

eventually() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || return 1
    sleep 0.1
  done
}

# Runs a command as somebody who is in one group only.
as_group() {
  group=$1
  shift
  setpriv --reuid 65534 --regid "$(getent group "$group" | cut -d : -f 3)" --clear-groups "$@"
}

common_checks() {
  check version sh -c 'coxswain --version | grep -q "^coxswain [0-9]"'
  check user sh -c 'id coxswain && getent group coxswain-admin'
  check man-pages test -s /usr/share/man/man1/coxswain-serve.1.gz -o -e /etc/dpkg/dpkg.cfg.d/excludes
  check policy-is-valid coxswain policy validate /etc/coxswain/policy.json
  check sums sh -c 'cd / && md5sum --quiet -c /var/lib/dpkg/info/coxswain.md5sums'
  check topology sh -c 'coxswain-probe | grep -q version'
}

plain() {
  check install dpkg -i /srv/coxswain.deb
  common_checks
  install -d -m 0711 -o coxswain -g coxswain /run/coxswain
  install -d -m 0700 -o coxswain -g coxswain /var/lib/coxswain
  setpriv --reuid coxswain --regid coxswain --clear-groups \
    coxswain serve --policy /etc/coxswain/policy.json --state-dir /var/lib/coxswain 2>/srv/serve.log &
  sidecar=$!
  check serves eventually test -S /run/coxswain/admin.sock
  check status coxswain status
  check engine coxswain engine --requests 20
  check snapshot coxswain snapshot
  kill "$sidecar"
  wait "$sidecar"
  check stops test "$?" -eq 0
  check purge dpkg --purge coxswain
  check nothing-is-left sh -c '! test -e /etc/coxswain -o -e /var/lib/coxswain -o -e /usr/share/coxswain'
}

main_pid() { systemctl show -p MainPID --value coxswain.service; }
status_text() { systemctl show -p StatusText --value coxswain.service; }
status_says() { contains "$(status_text)" "$1"; }
has_new_pid() { [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ] && systemctl -q is-active coxswain.service; }

# The snapshot's figure under a jq-like path of two names has the status "ok".
leaf_is_ok() { coxswain snapshot -o json | tr -d ' \n' | grep -q "\"$1\":{\"value\":[^{}]*,\"status\":\"ok\""; }

# LimitNICE= has no effect where even root lacks CAP_SYS_RESOURCE, as in some containers.
journal_is_clean() {
  ! journalctl -u coxswain.service --no-pager | grep -v 'Failed to set thread priority' \
    | grep -iE 'failed|denied|not permitted|error|warning'
}

booted() {
  check install dpkg -i /srv/coxswain.deb
  common_checks
  for unit in coxswain.service coxswain-engine.socket coxswain-admin.socket; do
    check "$unit-is-enabled" systemctl -q is-enabled "$unit"
    check "$unit-is-active" systemctl -q is-active "$unit"
  done
  check status coxswain status
  check status-text status_says 'serving policy local'
  check modes sh -c '[ "$(stat -c %a:%U:%G /run/coxswain /run/coxswain/engine.sock /run/coxswain/admin.sock | tr "\n" " ")" = \
    "711:coxswain:coxswain 660:coxswain:coxswain 660:coxswain:coxswain-admin " ]'
  check engine-group-reaches-the-engine-socket as_group coxswain coxswain engine --requests 20
  check engine-group-does-not-reach-the-admin-socket refused as_group coxswain coxswain status
  check admin-group-reaches-the-admin-socket as_group coxswain-admin coxswain status
  check admin-group-does-not-reach-the-engine-socket refused as_group coxswain-admin coxswain engine --requests 20
  for leaf in total_bytes available_bytes avg10_percent allowed; do check "probe-$leaf" eventually leaf_is_ok "$leaf"; done
  check topology-through-the-sidecar eventually coxswain topology
  check journal-is-clean journal_is_clean
  reload_and_watchdog
  upgrade_and_remove
}

reload_and_watchdog() {
  sed -i 's/"name": "local"/"name": "changed"/' /etc/coxswain/policy.json
  check reload systemctl reload coxswain.service
  check reload-is-in-force eventually status_says 'policy changed, generation 2'
  echo '{' >/etc/coxswain/policy.json
  check reload-of-a-wrong-file systemctl reload coxswain.service
  check wrong-file-is-refused eventually status_says refused
  check good-policy-survives-a-restart systemctl restart coxswain.service
  check last-known-good sh -c 'coxswain status | grep -q "policy changed"'
  mkdir -p /run/systemd/system/coxswain.service.d
  printf '[Service]\nWatchdogSec=2s\n' >/run/systemd/system/coxswain.service.d/watchdog.conf
  systemctl daemon-reload
  systemctl restart coxswain.service
  pid=$(main_pid)
  sleep 3
  check pings-keep-it-alive test "$(main_pid)" = "$pid"
  kill -STOP "$pid"
  check a-stopped-sidecar-is-replaced eventually has_new_pid "$pid"
  check sockets-served-again coxswain status
}

upgrade_and_remove() {
  pid=$(main_pid)
  check upgrade dpkg -i --force-confold /srv/coxswain.deb
  check upgrade-restarts eventually has_new_pid "$pid"
  check local-policy-is-kept grep -qx '{' /etc/coxswain/policy.json
  systemctl stop coxswain.service
  check sockets-outlive-the-service test -S /run/coxswain/engine.sock
  check the-first-caller-starts-it coxswain status
  check remove dpkg --remove coxswain
  check remove-stops-it refused systemctl -q is-active coxswain.service
  check remove-keeps-configuration test -e /etc/coxswain/policy.json
  check purge dpkg --purge coxswain
  check nothing-is-left sh -c '! test -e /etc/coxswain -o -e /var/lib/coxswain -o -e /usr/share/coxswain -o -e /run/coxswain'
}

case "$1" in
  plain) plain ;;
  systemd) booted ;;
  *) exit 64 ;;
esac
echo END
