using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Complete-PgSwitchover</c>: ends the way back of a switchover that has happened. The old database goes on refusing writes.</summary>
[Cmdlet(VerbsLifecycle.Complete, "PgSwitchover", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(SwitchoverStatus))]
public sealed class CompletePgSwitchoverCommand : SwitchoverCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = $"End the way back of the switchover from {Switchover.Source} to {Switchover.Target}: there is no rollback after this";
        if ((await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Switchover")).Yes)
        {
            await pipeline.WriteAsync(await Switchover.CompleteAsync(cancellationToken));
        }
    }
}
