using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;

namespace PgCluster.Engine.Failover;

/// <summary>One run of a failover's plan.</summary>
internal interface IFailoverRun : IAsyncDisposable
{
    /// <summary>What the promotion did; null before it.</summary>
    Promotion? Promotion { get; }

    /// <summary>How the old primary went down; null when it did not, or that is not known.</summary>
    PostgresShutdown? Shutdown { get; }

    /// <summary>Every step of the plan with what carries it out.</summary>
    IReadOnlyList<OperationStep> Steps();
}
