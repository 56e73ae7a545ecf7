using PgCluster.Engine.Failover;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>A transaction that takes the leadership, on its way to the store or back.</summary>
internal sealed record PendingTake(
    StoreBallot Ballot, int Lease, int Term, int GrantedAt, int Timeline, bool WasArmed, bool Guarded, OperationDecision? Operation, SynchronousPolicyRecord? Policy, bool Vouched, int Lock)
{
    public TakeStage Stage { get; init; }

    public int WrittenAt { get; init; }
}
