#!/usr/bin/env bash
#
# Makes a bare machine able to build, test and demonstrate PgCluster, and hands over: to build.ps1 where there is PowerShell, else to the
# same tasks without it. Needs bash and the .NET 10 SDK; what else is missing it installs on Debian and Ubuntu, and names elsewhere.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'USAGE'
usage: ./build.sh TASK

  demo [--json]   a three-node cluster on this machine and a failover under sixteen writers; with --json it ends with one JSON object
  test            builds, runs every suite that can run here, says which could not, and ends with one line "Total: …"
  build           builds everything
  clean           removes everything that was built

build, pack and more for people who have PowerShell: pwsh ./build.ps1 -Task Build|Test|Demo|Pack|Clean
USAGE
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "build.sh: $*"
    exit 1
}

# --- what has to be there --------------------------------------------------------------------------------------------------------------

need_dotnet() {
    if ! command -v dotnet >/dev/null && [ -x "$HOME/.dotnet/dotnet" ]; then
        export DOTNET_ROOT="$HOME/.dotnet" PATH="$HOME/.dotnet:$PATH"
    fi
    command -v dotnet >/dev/null ||
        die "the .NET 10 SDK is missing: there is no 'dotnet' on the PATH. Install the package dotnet-sdk-10.0, or the SDK from Microsoft's .NET download page."
    dotnet --list-sdks | grep -q '^10\.' ||
        die "the .NET 10 SDK is missing: 'dotnet' is there, but 'dotnet --list-sdks' names no 10.x. Install the package dotnet-sdk-10.0."
}

# Debian keeps the servers of each major version in a folder of their own, off the PATH.
have_postgres() {
    local postgres
    for postgres in $(command -v postgres || true) /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres; do
        if [ -x "$postgres" ]; then
            local major
            major=$("$postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
            if [ "$major" -ge 14 ]; then
                return 0
            fi
        fi
    done
    return 1
}

have() { PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin" command -v "$1" >/dev/null; }

# One line for each thing that is missing: the package's name on Debian and Ubuntu, a tab, what it is.
missing() {
    have_postgres || printf 'postgresql\tthe PostgreSQL server, 14 or newer (initdb, postgres, pg_basebackup)\n'
    have pgbouncer || printf 'pgbouncer\tPgBouncer, 1.18 or newer\n'
    have etcd || printf 'etcd-server\tetcd, 3.4 or newer\n'
    have etcdctl || printf 'etcd-client\tetcdctl\n'
    have setpriv || printf 'util-linux\tsetpriv, which runs PostgreSQL as another user than root\n'
}

# Only the tests that speak gRPC with the reference implementation want these; without them they name themselves as not run.
missing_for_grpc() {
    have node || printf 'nodejs\n'
    have npm || printf 'npm\n'
}

# Only the tests with a real Pacemaker want these, and only root can make its hosts; without them they name themselves as not run.
missing_for_pacemaker() {
    [ "$(id -u)" -eq 0 ] || return 0
    have ip || printf 'iproute2\n'
    have corosync || printf 'corosync\n'
    have pacemakerd || printf 'pacemaker\n'
    have crm_resource || printf 'pacemaker-cli-utils\n'
    [ -e /usr/lib/ocf/resource.d/heartbeat/pgsql ] || printf 'resource-agents\n'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

may_become_root() { [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; }

apt() {
    local options=(-y -q --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold)
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get "${options[@]}" "$@" >&2 </dev/null
}

apt_update() { apt update || say "build.sh: apt-get update failed; trying with the lists that are there"; }

# The lists of a fresh machine are empty, those of an old one name versions that are gone: only then they are fetched.
apt_install() {
    apt --simulate install "$@" >/dev/null 2>&1 || apt_update
    apt install "$@" || {
        apt_update
        apt install "$@"
    }
}

# Arguments: what will not run without them, then the packages.
install_optional() {
    local what=$1
    shift
    if [ $# -gt 0 ] && [ "$task" = test ] && command -v apt-get >/dev/null && may_become_root; then
        say "installing $*"
        apt_install "$@" || say "build.sh: $* could not be installed; $what will not run"
    fi
}

# Debian starts the services of what it installs: here no Corosync and no Pacemaker is to run but those of the tests, on hosts of their own.
install_pacemaker() {
    local policy=/usr/sbin/policy-rc.d ours='' service
    [ $# -gt 0 ] && command -v apt-get >/dev/null || return 0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=$policy
    fi
    install_optional 'the tests with a real Pacemaker' "$@"
    rm -f ${ours:+"$ours"}
    for service in corosync pacemaker; do
        case " $* " in
            *" $service "*) systemctl disable "$service" >/dev/null 2>&1 || true ;;
        esac
    done
}

need_servers() {
    local lines packages
    lines=$(missing)
    if [ -n "$lines" ]; then
        if [ "$(uname -s)" != Linux ]; then
            die "the agent, the playground and their tests run on Linux only; this is $(uname -s). './build.sh build' works here."
        fi
        packages=$(printf '%s\n' "$lines" | cut -f1 | tr '\n' ' ')
        if ! command -v apt-get >/dev/null; then
            say "build.sh: missing on this machine, to be installed with its own package manager:"
            printf '%s\n' "$lines" | sed -E 's/^([^\t]*)\t(.*)$/  \2 (Debian calls the package \1)/' >&2
            exit 1
        fi
        may_become_root || die "missing: $packages— and this is neither root nor a user with sudo. As root: apt-get install $packages"
        say "installing $packages"

        # Debian's package would make a cluster and start it; ours are made by the playground, on ports of their own.
        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            as_root mkdir -p /etc/postgresql-common
            printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
        fi
        # shellcheck disable=SC2086 # one word a package
        apt_install $packages || die "apt-get could not install $packages"
        lines=$(missing)
        [ -z "$lines" ] || die "still missing after the installation: $(printf '%s\n' "$lines" | cut -f2 | tr '\n' ';')"
    fi

    # shellcheck disable=SC2046 # one word a package
    install_optional 'the tests against @grpc/grpc-js' $(missing_for_grpc)
    # shellcheck disable=SC2046 # one word a package
    [ "$task" != test ] || install_pacemaker $(missing_for_pacemaker)
}

# --- PowerShell ------------------------------------------------------------------------------------------------------------------------

pwsh_is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null </dev/null | sed -nE 's/^PowerShell ([0-9]+)\.([0-9]+).*/\1 \2/p') || return 1
    # shellcheck disable=SC2086 # two words
    set -- $version
    [ $# -eq 2 ] && { [ "$1" -gt 7 ] || { [ "$1" -eq 7 ] && [ "$2" -ge 6 ]; }; }
}

find_pwsh() {
    local candidate tools=artifacts/tools
    for candidate in "$(command -v pwsh || true)" "$tools/pwsh"; do
        if [ -n "$candidate" ] && pwsh_is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done

    # Not every feed has it, and that is no error: what needs PowerShell is then named as not run.
    timeout 180 dotnet tool install PowerShell --version '7.*' --tool-path "$tools" >/dev/null 2>&1 </dev/null || return 1
    pwsh_is_new_enough "$tools/pwsh" && printf '%s\n' "$tools/pwsh"
}

# --- the tasks -------------------------------------------------------------------------------------------------------------------------

task=${1:-help}
[ $# -eq 0 ] || shift
json=()
if [ "$task" = demo ] && [ "${1:-}" = --json ]; then
    json=(--json)
    shift
fi
if [ $# -gt 0 ]; then
    usage >&2
    exit 2
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

case $task in
    build) need_dotnet ;;
    test | demo)
        need_dotnet
        need_servers
        ;;
    clean)
        rm -rf artifacts
        exit 0
        ;;
    help | -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac

if pwsh=$(find_pwsh); then
    exec "$pwsh" -NoLogo -NoProfile -NonInteractive -File build.ps1 -Task "$task" ${json:+-Json}
fi

say "there is no PowerShell 7.6 or newer on this machine: going on without the module"
said=$(dotnet build build/Build.csproj -c Release -v quiet -nodeReuse:false 2>&1 </dev/null) || die "build/Build.csproj does not build: $said"
exec dotnet artifacts/bin/Build/release/pgcluster-build.dll "$task" ${json:+--json}
