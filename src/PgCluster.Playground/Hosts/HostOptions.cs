using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>What a host is to be.</summary>
/// <param name="Name">Its host name, unique in its set.</param>
internal sealed record HostOptions(string Name)
{
    /// <summary>Size of its disk in MiB. The disk lives in memory, takes only what is written to it, and survives a power cut.</summary>
    internal int DiskMegabytes { get; init; } = 2048;

    /// <summary>Who owns the disk; null for root.</summary>
    internal OsAccount? DiskOwner { get; init; }

    /// <summary>Directories, beside /run and /dev/shm, that this host has for itself and that are empty after every start.</summary>
    internal IReadOnlyList<string> PrivateDirectories { get; init; } = [];

    /// <summary>Files and directories of its own in the place of this machine's. They stay when their source is on its disk.</summary>
    internal IReadOnlyList<HostMount> Mounts { get; init; } = [];
}
