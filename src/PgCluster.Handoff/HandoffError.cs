namespace PgCluster.Handoff;

/// <summary>Why something of a handoff failed.</summary>
public enum HandoffError
{
    /// <summary>The coordination directory is not there, cannot be written to, or has something in it that does not belong there.</summary>
    DirectoryUnusable,

    /// <summary>A living process takes part under the same id.</summary>
    IdInUse,

    /// <summary>The other process runs as another user, and not as root.</summary>
    NotTrusted,

    /// <summary>The two processes have no version of the protocol in common, or one of them broke it.</summary>
    Protocol,

    /// <summary>The owner did not give its descriptors away.</summary>
    Refused,

    /// <summary>The successor cannot go on from what the owner knows, or the owner could not say it.</summary>
    StateRefused,

    /// <summary>The owner died, was stopped, or gave up waiting before it had stepped down.</summary>
    OwnerLost,

    /// <summary>The call makes no sense in this state of the process.</summary>
    InvalidState,

    /// <summary>A successor takes over at this moment. It passes: either it succeeds, or the call can be made again.</summary>
    UpgradeInProgress,

    /// <summary>A successor has taken over.</summary>
    UpgradeCompleted,

    /// <summary>The process was stopped.</summary>
    Stopped,

    /// <summary>Nothing is registered under the id.</summary>
    NotFound,

    /// <summary>What is registered under the id is of another kind.</summary>
    WrongKind,

    /// <summary>The operating system did not do what was asked of it; the inner exception says why.</summary>
    System,
}
