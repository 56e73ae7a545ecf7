using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>What the cmdlets that change a cluster's nodes have in common: a plan, the question, a run and its report.</summary>
public abstract class MembershipCmdlet : ClusterCmdlet
{
    /// <summary>Why, for the history.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Reason { get; set; } = "";

    /// <summary>Shows a plan, asks, and runs it.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="change">What is going to be done, as a sentence.</param>
    /// <param name="run">Runs the plan.</param>
    /// <param name="cancellationToken">Asks for the run to stop.</param>
    private protected static async Task RunAsync(
        CmdletPipeline pipeline, OperationPlan plan, string change, Func<IOperationObserver, Task<OperationReport>> run, CancellationToken cancellationToken)
    {
        if (ClusterConnection.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        foreach (var check in plan.Checks.Where(c => c.Status == CheckStatus.Warning))
        {
            pipeline.Warning($"{check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }

        var (yes, whatIf) = await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", $"Cluster '{plan.Cluster}'");
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

        var progress = new OperationProgress(pipeline, plan, change);
        OperationReport report;
        using (cancellationToken.Register(() => pipeline.Announce(progress.Committed
            ? "It is past the point of no return: it goes on to its end."
            : "It is being stopped: what was done is undone.")))
        {
            report = await run(progress);
        }

        var summary = report.Outcome == OperationOutcome.Succeeded ? $"{change}: done." : $"{change}: {report.Outcome}: {report.Error}.";
        if (cancellationToken.IsCancellationRequested)
        {
            // Nobody takes a report or an error any more.
            pipeline.Announce($"{summary} The report is in the history: Get-PgClusterHistory -Id {report.Id}");
            return;
        }

        await pipeline.WriteAsync(report);
        if (report.Outcome != OperationOutcome.Succeeded)
        {
            var reason = report.Outcome == OperationOutcome.NeedsOperator ? PgCluster.Reason.NeedsOperator : report.ErrorReason ?? PgCluster.Reason.RolledBack;
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(reason, summary) { Report = report }));
        }
    }
}
