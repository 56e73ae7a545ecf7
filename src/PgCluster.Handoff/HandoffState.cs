namespace PgCluster.Handoff;

/// <summary>What a process is in the handoff.</summary>
public enum HandoffState
{
    /// <summary>Started, but not the owner: there was none, or it has taken over descriptors and is not ready yet.</summary>
    CheckingOwner,

    /// <summary>It owns the descriptors, and gives them to whoever asks.</summary>
    Owner,

    /// <summary>It is still the owner, while a successor takes over.</summary>
    Transferring,

    /// <summary>A successor has taken over: what is left is to finish the work at hand and to end.</summary>
    Draining,

    /// <summary>It was stopped, or its takeover failed.</summary>
    Stopped,
}
