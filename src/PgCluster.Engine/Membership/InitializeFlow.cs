using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>Plans and runs the taking of a cluster under management, or the making of a new one: carries out what <see cref="InitializePlanner"/> or <see cref="NewClusterPlanner"/> decided.</summary>
public sealed class InitializeFlow
{
    private readonly ClusterConfig _config;
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="store">The store.</param>
    /// <param name="peers">The agents.</param>
    /// <param name="time">The clock.</param>
    public InitializeFlow(ClusterConfig config, IClusterStore store, IClusterPeers peers, TimeProvider time)
    {
        _config = config;
        _store = store;
        _peers = peers;
        _time = time;
    }

    /// <summary>What initialising would do and whether it may. Changes nothing.</summary>
    public async Task<OperationPlan> PlanAsync(InitializeRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Plan(await LookAsync(cancellationToken).ConfigureAwait(false), request, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n"));
    }

    /// <summary>Runs a plan: exactly its steps. What goes wrong in them is in the report.</summary>
    public async Task<OperationReport> RunAsync(OperationPlan plan, InitializeRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        var run = new InitializeRun(_store, _peers, _config, _time, plan, request, LookAsync);
        OperationResult result;
        await using (run.ConfigureAwait(false))
        {
            result = await new OperationRunner(_time, _config.Failover.UndoTimeout, observer).RunAsync(run.Steps(), cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(plan, request.Why, request.Actor);
        await OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return report;
    }

    /// <summary>What the request comes to, as things stand.</summary>
    internal static OperationPlan Plan(InitializeFacts facts, InitializeRequest request, string id) =>
        request.New ? NewClusterPlanner.Plan(facts, request, id) : InitializePlanner.Plan(facts, id);

    private async Task<InitializeFacts> LookAsync(CancellationToken cancellationToken)
    {
        var health = _store.GetHealthAsync(cancellationToken);
        var nodes = Task.WhenAll(_config.Nodes.Select(n => SurveyAsync(n, cancellationToken)));
        await Task.WhenAll(health, nodes).ConfigureAwait(false);
        var facts = new InitializeFacts { Config = _config, Store = await health.ConfigureAwait(false), Nodes = await nodes.ConfigureAwait(false) };
        return !facts.Store.HasQuorum ? facts : facts with
        {
            Identity = ClusterIdentity.FromJson((await _store.GetAsync(StoreKeys.Cluster, cancellationToken).ConfigureAwait(false))?.Value),
            Leader = LeaderRecord.FromJson((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value),
            LastLeader = LastLeader.FromJson((await _store.GetAsync(StoreKeys.LastLeader, cancellationToken).ConfigureAwait(false))?.Value),
            Suspended = await _store.GetAsync(StoreKeys.Suspended, cancellationToken).ConfigureAwait(false) is not null,
        };
    }

    private async Task<SurveyedNode> SurveyAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        // An agent asks every other server in turn, each within postgres.connect_timeout.
        using var budget = new CancellationTokenSource(_config.Failover.HealthCheckTimeout + (4 * _config.Postgres.ConnectTimeout), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        UpstreamAddress[] others = [.. _config.Nodes.Where(n => n.Name != node.Name).Select(n => new UpstreamAddress(n.Name, n.Host, n.Port))];
        try
        {
            return new SurveyedNode(node, await _peers.Node(node.Name).SurveyAsync(others, either.Token).ConfigureAwait(false), "");
        }
        catch (PgClusterException e)
        {
            return new SurveyedNode(node, null, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new SurveyedNode(node, null, "no answer in time");
        }
    }
}
