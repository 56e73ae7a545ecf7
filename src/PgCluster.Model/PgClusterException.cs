namespace PgCluster;

/// <summary>The one exception of this product: a reason that code can act on, and a message that a person can.</summary>
public sealed class PgClusterException : Exception
{
    /// <summary>Makes an error with its reason.</summary>
    /// <param name="reason">What code decides by.</param>
    /// <param name="message">What is wrong and with what; never a secret.</param>
    /// <param name="inner">What caused it, if anything did.</param>
    public PgClusterException(Reason reason, string message, Exception? inner = null)
        : base(message, inner) => Reason = reason;

    /// <summary>What code decides by.</summary>
    public Reason Reason { get; }

    /// <summary>The node, pooler, file or option concerned; null when it is the cluster as a whole.</summary>
    public string? Target { get; init; }

    /// <summary>The report of the operation that failed; null when none had started.</summary>
    public OperationReport? Report { get; init; }
}
