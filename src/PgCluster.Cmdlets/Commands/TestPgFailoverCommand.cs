using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Test-PgFailover</c>: whether a failover may run, and with -Detailed what it would do. Changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PgFailover")]
[OutputType(typeof(bool), typeof(OperationPlan))]
public sealed class TestPgFailoverCommand : FailoverCmdlet
{
    /// <summary>Return the plan with its checks, candidates and blockers instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var plan = await Cluster.PlanFailoverAsync(Request(""), cancellationToken);
        if (Detailed)
        {
            await pipeline.WriteAsync(plan);
            return;
        }

        foreach (var check in plan.Checks.Where(c => c.Status != CheckStatus.Passed))
        {
            pipeline.Verbose($"{check.Status}: {check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }

        await pipeline.WriteAsync(ClusterConnection.RefusalOf(plan) is null);
    }
}
