namespace PgCluster;

/// <summary>A process of <c>pgcluster supervise</c>, <c>proxy</c> or <c>observe</c>.</summary>
public sealed record ClusterDaemon
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>What it is to the cluster: supervise-NODE, proxy-POOLER or observe-NAME. Those that follow one another have the same.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the machine it runs on.</summary>
    public required string Machine { get; init; }

    /// <summary>Its process id there.</summary>
    public required int Pid { get; init; }

    /// <summary>When the process started, in clock ticks since the machine's boot: with the id it is this process and no later one.</summary>
    public long StartTicks { get; init; }

    /// <summary>What it is at.</summary>
    public required DaemonState State { get; init; }

    /// <summary>Version of PgCluster that it runs.</summary>
    public required string Version { get; init; }

    /// <summary>The program that a successor is started from: the path it was started by itself.</summary>
    public required string Program { get; init; }

    /// <summary>When it was started.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>What it listens on: what for, and the address.</summary>
    public IReadOnlyList<string> Listeners { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Connections of clients to its listeners, at most a second old.</summary>
    public int Connections { get; init; }

    /// <summary>The systemd unit it runs as; null for none that waits for its word.</summary>
    public string? Unit { get; init; }

    /// <summary>False where <c>agent.handoff_directory</c> is empty: nobody can take over from it.</summary>
    public bool CanBeFollowed { get; init; }

    /// <summary>The daemon that started it as its successor; 0 when none did.</summary>
    public int StartedBy { get; init; }

    /// <summary>Milliseconds from its turn to take over until it was ready; null when it is not.</summary>
    public double? TakeoverMs { get; init; }

    /// <summary>When connections that are left are ended; null when it does not drain.</summary>
    public DateTimeOffset? DrainEndsAt { get; init; }

    /// <summary>Why it ended before it was at work, or why it did not do what it was told last; null when nothing went wrong.</summary>
    public string? Error { get; init; }

    /// <summary>Whether both are the same process.</summary>
    public bool IsSameProcessAs(ClusterDaemon other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Machine, Name, Pid, StartTicks) == (other.Machine, other.Name, other.Pid, other.StartTicks);
    }
}
