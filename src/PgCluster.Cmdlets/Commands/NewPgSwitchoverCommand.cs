using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>New-PgSwitchover</c>: prepares two databases for a switchover and remembers what is to be moved, and how.</summary>
[Cmdlet(VerbsCommon.New, "PgSwitchover", SupportsShouldProcess = true)]
[OutputType(typeof(SwitchoverStatus))]
public sealed class NewPgSwitchoverCommand : SwitchoverOptionsCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var switchover = Switchover;
        var change = $"Prepare a switchover from {switchover.Source} to {switchover.Target}: schema pgcluster_switchover in both";
        if ((await pipeline.ShouldProcessAsync(change, change, "Switchover")).Yes)
        {
            await pipeline.WriteAsync(await switchover.DefineAsync(Options, cancellationToken));
        }
    }
}
