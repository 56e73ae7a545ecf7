namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>How far a <see cref="PendingTake"/> is.</summary>
internal enum TakeStage
{
    Sent = 0,
    Done,
    Refused,
    NotKnown,
}
