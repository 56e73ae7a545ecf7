namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What can go wrong in a <see cref="ProtocolModel"/>.</summary>
[Flags]
internal enum ProtocolFaults
{
    None = 0,
    FreezeAgent = 1,
    KillAgent = 2,
    CrashServer = 4,
    FreezeServer = 8,

    /// <summary>Server, agent and guard at once: the deadline passes unseen.</summary>
    FreezeNode = 16,
    CutStore = 32,
    CutPeers = 64,

    /// <summary>The guard alone: until the agent starts another, a deadline passes unseen.</summary>
    KillGuard = 128,

    /// <summary>The observers agree that the leader is not well.</summary>
    CallUnwell = 256,

    /// <summary>The store's leader changes: every lease in it starts anew.</summary>
    LeasesAnew = 512,

    All = 1023,
}
