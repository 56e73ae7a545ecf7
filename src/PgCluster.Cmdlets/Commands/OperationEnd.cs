using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary>How an operation that was run comes out of a cmdlet: its report, and an error when it did not succeed.</summary>
internal static class OperationEnd
{
    /// <summary>Writes both; when the cmdlet was stopped meanwhile, says where the report is.</summary>
    /// <param name="pipeline">Where to.</param>
    /// <param name="report">The report.</param>
    /// <param name="summary">How it went, in a sentence.</param>
    /// <param name="cancellationToken">Cancelled when nobody takes a report or an error any more.</param>
    public static async Task WriteAsync(CmdletPipeline pipeline, OperationReport report, string summary, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            pipeline.Announce($"{summary} The report is in the history: Get-PgClusterHistory -Id {report.Id}");
            return;
        }

        await pipeline.WriteAsync(report);
        if (report.Outcome != OperationOutcome.Succeeded)
        {
            // Whatever it was that failed first: that a person has to look outweighs it.
            var reason = report.Outcome == OperationOutcome.NeedsOperator ? Reason.NeedsOperator : report.ErrorReason ?? Reason.RolledBack;
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(reason, summary) { Report = report }));
        }
    }

    /// <summary>Warns of each check that is not as it should be and keeps nothing from going on.</summary>
    public static void Warn(CmdletPipeline pipeline, OperationPlan plan)
    {
        foreach (var check in plan.Checks.Where(c => c.Status == CheckStatus.Warning))
        {
            pipeline.Warning($"{check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }
    }
}
