using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgSwitchoverLog</c>: the messages by which the nodes of a switchover agree, oldest first.</summary>
[Cmdlet(VerbsCommon.Get, "PgSwitchoverLog")]
[OutputType(typeof(SwitchoverLogEntry))]
public sealed class GetPgSwitchoverLogCommand : SwitchoverCmdlet
{
    /// <summary>Only messages behind this one's id.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long After { get; set; }

    /// <summary>Only the last so many.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Last { get; set; } = int.MaxValue;

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var entry in (await Switchover.ReadLogAsync(After, cancellationToken)).TakeLast(Last))
        {
            await pipeline.WriteAsync(entry);
        }
    }
}
