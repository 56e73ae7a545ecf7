using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>
/// <c>Invoke-PgFailover</c>: moves the primary role. Ctrl+C before the point of no return undoes; after it the run goes on to its end.
/// </summary>
[Cmdlet(VerbsLifecycle.Invoke, "PgFailover", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(OperationReport), typeof(PlanStep))]
public sealed class InvokePgFailoverCommand : FailoverCmdlet
{
    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var request = Request(Reason);
        var plan = await Cluster.PlanFailoverAsync(request, cancellationToken);
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        OperationEnd.Warn(pipeline, plan);
        var change = Describe(plan);
        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", $"Failover of cluster '{plan.Cluster}'");
        if (whatIf)
        {
            foreach (var step in plan.Steps)
            {
                await pipeline.WriteAsync(step);
            }
        }

        if (!yes)
        {
            return;
        }

        var progress = new OperationProgress(pipeline, plan, $"Failover of {plan.Cluster} from {plan.From ?? "nobody"} to {plan.To}");
        OperationReport report;
        using (cancellationToken.Register(() => pipeline.Announce(progress.Committed
            ? "The failover is past its point of no return: it goes on to its end."
            : "The failover is being stopped: what was done is undone.")))
        {
            report = await Cluster.RunFailoverAsync(plan, request, progress, cancellationToken);
        }

        await OperationEnd.WriteAsync(pipeline, report, Summary(report), cancellationToken);
    }

    private static string Summary(OperationReport report) => report.Outcome switch
    {
        OperationOutcome.Succeeded => $"The failover of '{report.Cluster}' succeeded: {report.NewPrimary} is the primary.",
        OperationOutcome.RolledBack => $"The failover of '{report.Cluster}' was rolled back, {report.OldPrimary ?? "nobody"} is the primary: {report.Error}.",
        _ => $"The failover of '{report.Cluster}' needs an operator: {report.Error}.",
    };

    private static string Describe(OperationPlan plan)
    {
        var noReturn = plan.Steps.FirstOrDefault(s => s.PointOfNoReturn);
        var pacemaker = plan.Checks.FirstOrDefault(c => c is { Name: PreflightCheck.PacemakerWouldDo, Status: CheckStatus.Passed });
        var candidate = plan.Candidates.FirstOrDefault(c => c.Node == plan.To);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(plan.Forced ? "FORCED: move the primary" : "Move the primary")} of cluster '{plan.Cluster}' from {plan.From ?? "nobody"} to {plan.To}{(candidate is { Reasons.Count: > 0 } ? $" ({string.Join("; ", candidate.Reasons)})" : "")}: {plan.Steps.Count} steps{(noReturn is null ? "" : $", point of no return at step {noReturn.Number} ({noReturn.Name})")}{(pacemaker is null ? "" : $"; Pacemaker would do: {pacemaker.Evidence}")}");
    }
}
