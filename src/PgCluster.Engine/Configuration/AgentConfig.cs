namespace PgCluster.Engine.Configuration;

/// <summary>How an agent watches its server and speaks of it.</summary>
public sealed record AgentConfig
{
    /// <summary>Time between two looks at the server.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the state it published outlives it.</summary>
    public TimeSpan StateTtl { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>True when an agent that is asked to stop gives its node's role, the primary's too, to another node first.</summary>
    public bool HandoverOnStop { get; init; }

    /// <summary>
    /// Directory in which a daemon of this machine, agent, proxy or observer, gives its sockets and what it knows to the one that is started to follow it; on a file system that a restart of the machine empties.
    /// Empty for none: a daemon that is started beside the running one finds its address in use.
    /// </summary>
    public string HandoffDirectory { get; init; } = "";

    /// <summary>How long the streams that are open when a daemon is followed by another go on in the old process.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time before a failed write of the primary's key is tried again.</summary>
    public TimeSpan KeyRetryInterval { get; init; } = TimeSpan.FromSeconds(1);
}
