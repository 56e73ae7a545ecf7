namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>How far a renewal of the lease is.</summary>
internal enum RenewalStage
{
    None = 0,
    Sent,
    Granted,
    LeaseGone,
}
