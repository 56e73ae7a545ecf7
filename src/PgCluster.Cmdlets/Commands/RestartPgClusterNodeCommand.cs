using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Restart-PgClusterNode</c>: restarts PostgreSQL on nodes, one after the other, the primary last and in place.</summary>
[Cmdlet(VerbsLifecycle.Restart, "PgClusterNode", SupportsShouldProcess = true)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class RestartPgClusterNodeCommand : ClusterCmdlet
{
    // Nodes come one by one through the pipeline, and their order is a question about all of them.
    private readonly Dictionary<PgClusterSession, HashSet<string>> _chosen = [];

    /// <summary>Names of nodes, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Of these only those with settings that wait for a restart.</summary>
    [Parameter]
    public SwitchParameter PendingRestart { get; set; }

    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var session = Session;
        var (found, missing) = NamePattern.Select(session.Nodes, NamesBelow(Name), n => n);
        foreach (var name in missing)
        {
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(
                PgCluster.Reason.NodeNotFound, $"Cluster '{session.Cluster}' has no node '{name}'; it has {string.Join(", ", session.Nodes)}.") { Target = name }));
        }

        if (!_chosen.TryGetValue(session, out var chosen))
        {
            _chosen[session] = chosen = new HashSet<string>(StringComparer.Ordinal);
        }

        chosen.UnionWith(found);
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var (session, chosen) in _chosen.Where(c => c.Value.Count > 0))
        {
            await RestartAsync(session.Use(), new RestartRequest { Nodes = [.. chosen], PendingOnly = PendingRestart, Why = Reason, Actor = Caller.Name }, pipeline, cancellationToken);
        }
    }

    private static async Task RestartAsync(ClusterConnection cluster, RestartRequest request, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var plan = await cluster.PlanRestartAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        OperationEnd.Warn(pipeline, plan);
        if (plan.Steps.Count == 0)
        {
            pipeline.Verbose($"No node of cluster '{plan.Cluster}' that was asked for waits for a restart.");
            return;
        }

        var change = string.Create(
            CultureInfo.InvariantCulture, $"Restart PostgreSQL of {plan.Node!.Replace(",", ", then ", StringComparison.Ordinal)} in cluster '{plan.Cluster}': {plan.Steps.Count} steps");
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Restart-PgClusterNode");
        if (whatIf)
        {
            foreach (var step in plan.Steps)
            {
                await pipeline.WriteAsync(step);
            }
        }

        if (yes)
        {
            var report = await cluster.RunRestartAsync(plan, request, new OperationProgress(pipeline, plan, $"Restart of {plan.Node} in {plan.Cluster}"), cancellationToken);
            await OperationEnd.WriteAsync(pipeline, report, Summary(report), cancellationToken);
        }
    }

    private static string Summary(OperationReport report)
    {
        var done = string.Join(", ", report.Steps.Where(s => s is { Name: "restart", Phase: StepPhase.Run, Succeeded: true }).Select(s => s.Node));
        return report.Outcome switch
        {
            OperationOutcome.Succeeded => $"{done} of '{report.Cluster}' were restarted.",
            OperationOutcome.RolledBack => $"The restart of {report.Node} of '{report.Cluster}' did not begin: {report.Error}.",
            _ => $"The restart of {report.Node} of '{report.Cluster}' was broken off after {(done.Length > 0 ? done : "none of them")}: {report.Error}.",
        };
    }
}
