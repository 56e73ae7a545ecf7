using System.Collections;
using System.Globalization;
using System.Management.Automation;
using PgCluster.Client;

namespace PgCluster.Cmdlets;

/// <summary>Base of the cmdlets that work on the two databases of a switchover.</summary>
public abstract class SwitchoverCmdlet : AsyncPgCmdlet
{
    private SwitchoverConnection? _switchover;

    /// <summary>libpq URI of the database the application came from.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string SourceUri { get; set; } = "";

    /// <summary>libpq URI of the database it goes to.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string TargetUri { get; set; } = "";

    /// <summary>Time limits in seconds and lock numbers that differ from the defaults, by name: the same for all that take part.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Limit { get; set; }

    /// <summary>The switchover of the record at hand.</summary>
    private protected SwitchoverConnection Switchover => _switchover ??= SwitchoverConnection.Open(SourceUri, TargetUri, Limits());

    /// <summary>Does the work for one record.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="cancellationToken">Cancelled when the cmdlet is stopped or nobody takes its output any more.</param>
    protected abstract Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken);

    /// <inheritdoc/>
    protected sealed override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(pipeline, cancellationToken);
        }
        finally
        {
            await CloseAsync();
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        if (_switchover is { } open)
        {
            _switchover = null;
            await open.DisposeAsync();
        }
    }

    /// <summary>Gives the connection to somebody who closes it.</summary>
    private protected SwitchoverConnection Detach()
    {
        var open = Switchover;
        _switchover = null;
        return open;
    }

    private SwitchoverLimits Limits()
    {
        var limits = new SwitchoverLimits();
        foreach (DictionaryEntry entry in Limit ?? [])
        {
            var name = Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!;
            var property = typeof(SwitchoverLimits).GetProperties().FirstOrDefault(p => p.CanWrite && p.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw Wrong(name, $"is not one of {string.Join(", ", typeof(SwitchoverLimits).GetProperties().Where(p => p.CanWrite).Select(p => p.Name))}");
            var given = entry.Value is PSObject wrapped ? wrapped.BaseObject : entry.Value;
            try
            {
                object value = property.PropertyType == typeof(TimeSpan)
                    ? given as TimeSpan? ?? TimeSpan.FromSeconds(Convert.ToDouble(given, CultureInfo.InvariantCulture))
                    : Convert.ChangeType(given, property.PropertyType, CultureInfo.InvariantCulture)!;
                limits = limits with { };
                property.SetValue(limits, value);
            }
            catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
            {
                throw Wrong(name, $"takes a number{(property.PropertyType == typeof(TimeSpan) ? " of seconds" : "")}, not '{given}'");
            }
        }

        return limits;
    }

    private static PgClusterException Wrong(string name, string what) => new(Reason.InvalidArgument, $"The limit '{name}' {what}.") { Target = name };
}
