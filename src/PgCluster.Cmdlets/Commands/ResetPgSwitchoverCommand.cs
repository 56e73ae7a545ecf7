using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Reset-PgSwitchover</c>: calls off what runs and removes what it left behind on both sides, but for the rows of the target.</summary>
[Cmdlet(VerbsCommon.Reset, "PgSwitchover", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(SwitchoverStatus))]
public sealed class ResetPgSwitchoverCommand : SwitchoverCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = $"Reset the switchover from {Switchover.Source} to {Switchover.Target}";
        if ((await pipeline.ShouldProcessAsync(change, change, "Switchover")).Yes)
        {
            await Switchover.ResetAsync(cancellationToken);
            await pipeline.WriteAsync(await Switchover.GetStatusAsync(cancellationToken));
        }
    }
}
