namespace PgCluster.Playground.Hosts;

/// <summary>The shell scripts that run as the first process of a set's hub and of each host.</summary>
internal static class HostScripts
{
    /// <summary>Of the hub: a bridge without a way out of its namespace. Argument: its address with the length of the network's prefix.</summary>
    internal const string Hub = """
        set -e
        ip link set lo up
        ip link add br0 type bridge forward_delay 0
        ip address add "$1" dev br0
        ip link set br0 up
        while :; do sleep 100000 & wait $! || :; done
        """;

    /// <summary>
    /// Of a host: its name, its own /run, /dev/shm and what else is named. It reaps whatever loses its parent: a zombie would
    /// be taken for a postmaster that lives. Arguments: the name, the directories that are empty, an empty word, then source and place of each mount.
    /// </summary>
    internal const string Init = """
        set -e
        echo "$1" >/proc/sys/kernel/hostname
        shift
        while [ -n "$1" ]; do
            mount -t tmpfs -o mode=1777 tmpfs "$1"
            shift
        done
        shift
        while [ $# -gt 0 ]; do
            if [ ! -e "$1" ]; then
                mkdir -p "$1"
                chown --reference="$2" "$1"
                chmod --reference="$2" "$1"
            fi
            mount --bind "$1" "$2"
            shift 2
        done
        mount -t tmpfs -o mode=755 tmpfs /run
        mount -t tmpfs -o mode=1777 tmpfs /dev/shm
        ip link set lo up
        : >/run/host-is-up
        while :; do sleep 100000 & wait $! || :; done
        """;

    /// <summary>
    /// Starts a program inside a host and prints its process id there. It loses its parent at once, so that the host's own first process
    /// becomes it. Arguments: the log, then the program and its arguments.
    /// </summary>
    internal const string Start = """
        log=$1; shift
        setsid -- "$@" </dev/null >>"$log" 2>&1 &
        echo $!
        """;

    /// <summary>Writes what it reads to a file. Arguments: the file, its permissions.</summary>
    internal const string Write = """
        cat >"$1"
        chmod "$2" "$1"
        """;
}
