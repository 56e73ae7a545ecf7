using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Update-PgDaemon</c>: has daemons followed by new processes of the program that is installed, one by one, the primary's agent last.</summary>
[Cmdlet(VerbsData.Update, "PgDaemon", SupportsShouldProcess = true)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class UpdatePgDaemonCommand : DaemonCmdlet
{
    // Daemons come one by one through the pipeline, and their order is a question about all of them.
    private readonly Dictionary<PgClusterSession, HashSet<string>> _chosen = [];

    /// <summary>Names of daemons, wildcards allowed; all that are at work when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Daemon")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DaemonCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Seconds for which streams of an old process may go on; the daemon's agent.drain_timeout when not given.</summary>
    [Parameter]
    [ValidateRange(1, 86400)]
    public int? DrainTimeoutSec { get; set; }

    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        if (!_chosen.TryGetValue(Session, out var chosen))
        {
            _chosen[Session] = chosen = new HashSet<string>(StringComparer.Ordinal);
        }

        chosen.UnionWith((await FindAsync(NamesBelow(Name), pipeline, cancellationToken)).Where(d => d.State == DaemonState.Running).Select(d => d.Name));
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var (session, chosen) in _chosen.Where(c => c.Value.Count > 0))
        {
            var request = new DaemonUpgradeRequest
            {
                Names = [.. chosen],
                DrainTimeout = DrainTimeoutSec is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                Why = Reason,
                Actor = Caller.Name,
            };
            await UpgradeAsync(session.Use(), request, pipeline, cancellationToken);
        }
    }

    private static async Task UpgradeAsync(ClusterConnection cluster, DaemonUpgradeRequest request, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var plan = await cluster.PlanDaemonUpgradeAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        OperationEnd.Warn(pipeline, plan);
        var change = string.Create(
            CultureInfo.InvariantCulture, $"Let {plan.Node!.Replace(",", ", then ", StringComparison.Ordinal)} of cluster '{plan.Cluster}' be followed by new processes: {plan.Steps.Count} steps");
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Update-PgDaemon");
        if (whatIf)
        {
            foreach (var step in plan.Steps)
            {
                await pipeline.WriteAsync(step);
            }
        }

        if (yes)
        {
            var report = await cluster.RunDaemonUpgradeAsync(plan, request, new OperationProgress(pipeline, plan, $"Upgrade of the daemons of {plan.Cluster}"), cancellationToken);
            await OperationEnd.WriteAsync(pipeline, report, Summary(report), cancellationToken);
        }
    }

    private static string Summary(OperationReport report)
    {
        var done = string.Join(", ", report.Steps.Where(s => s is { Name: "follow", Phase: StepPhase.Run, Succeeded: true }).Select(s => s.Node));
        return report.Outcome switch
        {
            OperationOutcome.Succeeded => $"{done} of '{report.Cluster}' were followed.",
            OperationOutcome.RolledBack => $"No daemon of '{report.Cluster}' was followed: {report.Error}.",
            _ => $"The upgrade of the daemons of '{report.Cluster}' was broken off after {done}; the others go on as they are: {report.Error}.",
        };
    }
}
