using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgSwitchover</c>: where a switchover stands.</summary>
[Cmdlet(VerbsCommon.Get, "PgSwitchover")]
[OutputType(typeof(SwitchoverStatus))]
public sealed class GetPgSwitchoverCommand : SwitchoverCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken) =>
        await pipeline.WriteAsync(await Switchover.GetStatusAsync(cancellationToken));
}
