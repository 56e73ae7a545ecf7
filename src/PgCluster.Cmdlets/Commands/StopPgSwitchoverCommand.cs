using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Stop-PgSwitchover</c>: calls a run off. What was copied stays for the next one.</summary>
[Cmdlet(VerbsLifecycle.Stop, "PgSwitchover", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopPgSwitchoverCommand : SwitchoverCmdlet
{
    /// <summary>Why, for the log.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Reason { get; set; } = "an operator called it off";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = $"Call off the switchover from {Switchover.Source} to {Switchover.Target}";
        if ((await pipeline.ShouldProcessAsync(change, change, "Switchover")).Yes)
        {
            await Switchover.StopAsync(Reason, cancellationToken);
        }
    }
}
