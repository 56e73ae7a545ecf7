namespace PgCluster.Handoff;

/// <summary>Thrown by an <see cref="IApplicationState"/>, in either process: this handoff is not to be. The old process stays the owner.</summary>
public sealed class HandoffRefusedException : Exception
{
    /// <summary>Refuses.</summary>
    /// <param name="reason">Why, for the people who read it in the log of either process.</param>
    public HandoffRefusedException(string reason)
        : base(reason)
    {
    }
}
