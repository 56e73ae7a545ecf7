namespace PgCluster.Handoff;

/// <summary>What can happen to a process in the handoff.</summary>
public enum HandoffEvent
{
    /// <summary>Another process asks to take over.</summary>
    Request,

    /// <summary>This process says that it is ready to be the owner.</summary>
    Ready,

    /// <summary>The successor has said the last word that makes it the owner.</summary>
    TransferSucceeded,

    /// <summary>The successor died, refused, was too slow, or could not be served.</summary>
    TransferFailed,

    /// <summary>This process is to take no more part.</summary>
    Stop,
}
