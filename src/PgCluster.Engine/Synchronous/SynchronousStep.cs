using PgCluster.Engine.Failover;

namespace PgCluster.Engine.Synchronous;

/// <summary>One step towards the wanted list: at most one of both is to be done.</summary>
/// <param name="Record">What goes on record; null when the record stays.</param>
/// <param name="Enforce">What PostgreSQL is told to enforce; null when it goes on as it does. It is on record already.</param>
/// <param name="Why">In words.</param>
public sealed record SynchronousStep(SynchronousPolicyRecord? Record, SynchronousList? Enforce, string Why)
{
    /// <summary>True when nothing is to be done.</summary>
    public bool IsNothing => Record is null && Enforce is null;
}
