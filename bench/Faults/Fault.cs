namespace PgCluster.Bench.Faults;

/// <summary>Something that goes wrong.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="What">What happens, for the table of results.</param>
/// <param name="RunAsync">Does it, and takes it back. Only harm is done here: what heals by itself is left to the cluster.</param>
internal sealed record Fault(string Name, string What, Func<FaultScene, Task> RunAsync)
{
    /// <summary>True when it separates the primary from its standbys but not from etcd, or the other way: etcd must not run beside them.</summary>
    public bool NeedsOwnEtcd { get; init; }

    /// <summary>True when it is done by SIGSTOP, whose length has an option of its own.</summary>
    public bool Freezes { get; init; }

    /// <summary>How long writes may stop at most: whoever waits longer was forgotten, not served.</summary>
    public TimeSpan LongestGap { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>True when nobody can serve before it is taken back: the gap may be longer by the time it is held.</summary>
    public bool StopsWrites { get; init; }
}
