using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>Looks at nodes: asks agent and PostgreSQL of each at once, all within one budget, so that a dead host delays nobody.</summary>
/// <param name="peers">The way to them.</param>
/// <param name="config">The cluster.</param>
/// <param name="budget">How long one look at all of them may take.</param>
/// <param name="time">The clock.</param>
public sealed class NodeProber(IClusterPeers peers, ClusterConfig config, TimeSpan budget, TimeProvider time)
{
    /// <summary>Looks at every node of the configuration; in its order.</summary>
    public Task<IReadOnlyList<NodeProbe>> ProbeAllAsync(CancellationToken cancellationToken) => ProbeAsync(config.Nodes, cancellationToken);

    /// <summary>Looks at these nodes; in their order.</summary>
    public async Task<IReadOnlyList<NodeProbe>> ProbeAsync(IEnumerable<NodeConfig> nodes, CancellationToken cancellationToken)
    {
        using var spent = new CancellationTokenSource(budget, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(spent.Token, cancellationToken);
        var probes = await Task.WhenAll(nodes.Select(n => ProbeOneAsync(n, linked.Token))).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return probes;
    }

    private async Task<NodeProbe> ProbeOneAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var agent = AskAgentAsync(node, cancellationToken);
        var postgres = AskPostgresAsync(node, cancellationToken);
        await Task.WhenAll(agent, postgres).ConfigureAwait(false);
        var (report, error, isPgcm) = await agent.ConfigureAwait(false);
        var answers = await postgres.ConfigureAwait(false);
        var probe = new NodeProbe(node.Name, started, time.GetElapsedTime(started), report, answers, "") { IsPgcm = isPgcm };
        return probe with { Detail = Describe(node, probe, error) };
    }

    private async Task<(NodeReport? Report, string Error, bool IsPgcm)> AskAgentAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        try
        {
            return (await peers.Node(node.Name).GetStatusAsync(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false), "", false);
        }
        catch (PgClusterException e)
        {
            return (null, e.Message, e.Reason == Reason.ForeignAgent);
        }
        catch (OperationCanceledException)
        {
            return (null, NoAnswer, false);
        }
    }

    private async Task<bool> AskPostgresAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        try
        {
            return await peers.PostgresAnswersAsync(node.Host, node.Port, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private string NoAnswer =>
        string.Create(CultureInfo.InvariantCulture, $"its agent does not answer within {budget.TotalSeconds:0.###} s");

    private static string Describe(NodeConfig node, NodeProbe probe, string error)
    {
        var parts = new List<string>();
        if (probe.Report?.Postgres is not { } server)
        {
            parts.Add(error);
        }
        else if (!probe.Accepts)
        {
            parts.Add($"PostgreSQL is {server.State}: {server.Evidence}");
        }

        if (!probe.PostgresAnswers)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"PostgreSQL does not answer at {node.Host}:{node.Port}"));
        }

        return parts.Count > 0 ? string.Join("; ", parts) : $"{probe.Report!.Postgres.Role}, {probe.Report.Postgres.State}";
    }
}
