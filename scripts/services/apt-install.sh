#!/bin/sh
# apt-install.sh PACKAGE...   (as root, on Debian or Ubuntu)
# Installs server packages for their programs only: their own services are neither started nor enabled.
set -eu
# `su` without a dash leaves out what dpkg needs.
PATH="$PATH:/usr/sbin:/sbin"
export PATH DEBIAN_FRONTEND=noninteractive

# Debian asks this file before a package starts its service. A machine that has one decides for itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

install() {
  apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 "$@" </dev/null
}
# Without lists, or with old ones, there is nothing to install from. An unreachable list of somebody
# else's need not matter, so what counts is whether the packages can be installed after it.
install "$@" || { apt-get update -o DPkg::Lock::Timeout=120 || true; install "$@"; }

if command -v systemctl >/dev/null; then
  for unit in "$@"; do
    systemctl disable --now "$unit" >/dev/null 2>&1 || true
  done
fi
