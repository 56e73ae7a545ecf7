namespace PgCluster.Handoff;

/// <summary>The one exception of this library: an error that code can act on, and a message that a person can.</summary>
public sealed class HandoffException : Exception
{
    /// <summary>Makes an error.</summary>
    /// <param name="error">What code decides by.</param>
    /// <param name="message">What is wrong and with what.</param>
    /// <param name="inner">What caused it, if anything did.</param>
    public HandoffException(HandoffError error, string message, Exception? inner = null)
        : base(message, inner) => Error = error;

    /// <summary>What code decides by.</summary>
    public HandoffError Error { get; }

    /// <summary>True when the same call may succeed a little later.</summary>
    public bool IsTransient => Error == HandoffError.UpgradeInProgress;
}
