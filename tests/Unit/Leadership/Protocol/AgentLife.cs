namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Whether an agent's process goes on.</summary>
internal enum AgentLife
{
    Runs = 0,
    Frozen,
    Dead,
}
