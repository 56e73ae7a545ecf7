using System.Management.Automation;
using PgCluster.Client;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Measure-PgWriteGap</c>: runs a script block under writers and says what they saw.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PgWriteGap")]
[OutputType(typeof(WriteGapReport))]
public sealed class MeasurePgWriteGapCommand : ClusterCmdlet
{
    /// <summary>What to run under the writers.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNull]
    public ScriptBlock ScriptBlock { get; set; } = null!;

    /// <summary>Writers at the same time, each on its own connection.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    public int Writers { get; set; } = 16;

    /// <summary>libpq URI the writers connect to; the clients' route of the configuration when not given.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("ClientUri")]
    [ValidateNotNullOrEmpty]
    public string? Uri { get; set; }

    /// <summary>Also return what the script block writes; a failover's report gets the gap.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var uri = Uri ?? Cluster.ClientUri;
        pipeline.Verbose($"Starting {Writers} writers.");
        var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = uri, Writers = Writers }, cancellationToken);
        try
        {
            // On the pipeline thread and in the caller's scope, as if the block stood there by itself.
            var output = await pipeline.AskAsync(cmdlet => cmdlet.InvokeCommand.InvokeScript(false, ScriptBlock, null));
            var report = await meter.StopAsync(cancellationToken);
            if (PassThru)
            {
                foreach (var item in output)
                {
                    await pipeline.WriteAsync(item?.BaseObject is OperationReport operation
                        ? operation with { WriteGapSeconds = report.WriteGapMs / 1000 }
                        : item!);
                }
            }

            await pipeline.WriteAsync(report);
        }
        finally
        {
            await meter.DisposeAsync();
            if (meter.LeftBehind is { } table)
            {
                pipeline.Announce($"The table {table} of the measurement could not be dropped.");
            }
        }
    }
}
