using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Test-PgSwitchover</c>: every reason why a switchover would fail or lose something. Changes nothing.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PgSwitchover")]
[OutputType(typeof(bool), typeof(OperationPlan))]
public sealed class TestPgSwitchoverCommand : SwitchoverOptionsCmdlet
{
    /// <summary>The way back instead.</summary>
    [Parameter]
    public SwitchParameter Rollback { get; set; }

    /// <summary>Return the plan with its checks instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var options = OptionsAreGiven || !await Switchover.IsDefinedAsync(cancellationToken) ? Options : null;
        var plan = await Switchover.PlanAsync(options, Rollback, cancellationToken);
        if (Detailed)
        {
            await pipeline.WriteAsync(plan);
            return;
        }

        foreach (var check in plan.Checks.Where(c => c.Status != CheckStatus.Passed))
        {
            pipeline.Verbose($"{check.Status}: {check.Name}: {check.Evidence}{(check.Remedy.Length > 0 ? $" -- {check.Remedy}" : "")}");
        }

        await pipeline.WriteAsync(SwitchoverConnection.RefusalOf(plan) is null);
    }
}
