using System.Collections;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Connect-PgCluster</c>: opens a cluster; it becomes the default of the runspace.</summary>
[Cmdlet(VerbsCommunications.Connect, "PgCluster")]
[OutputType(typeof(PgClusterSession))]
public sealed class ConnectPgClusterCommand : AsyncPgCmdlet
{
    private string? _file;
    private RunspaceSessions _sessions = null!;
    private Dictionary<string, string> _overrides = [];

    /// <summary>Configuration file of the cluster.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? ConfigFile { get; set; }

    /// <summary>PEM file of the CA of agents and proxies.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TlsCaFile { get; set; }

    /// <summary>PEM file of this side's certificate.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TlsCertFile { get; set; }

    /// <summary>PEM file of its key.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TlsKeyFile { get; set; }

    /// <summary>Options that outrank environment and file, by their path.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Option { get; set; }

    /// <inheritdoc/>
    protected override void PrepareProcess()
    {
        _sessions = RunspaceSessions.Current;
        _file = ConfigFile is null ? null : GetUnresolvedProviderPathFromPSPath(ConfigFile);
        _overrides = OptionTable.Read(Option);
        Add("tls.ca_file", TlsCaFile);
        Add("tls.cert_file", TlsCertFile);
        Add("tls.key_file", TlsKeyFile);
    }

    /// <inheritdoc/>
    protected override async Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var session = PgClusterSession.Open(_file, _overrides);
        _sessions.Add(session);
        pipeline.Verbose($"Opened cluster '{session.Cluster}' from {session.ConfigFile ?? "the environment"}: nodes {string.Join(", ", session.Nodes)}.");
        await pipeline.WriteAsync(session);
    }

    private void Add(string option, string? file)
    {
        if (file is not null)
        {
            _overrides[option] = GetUnresolvedProviderPathFromPSPath(file);
        }
    }
}
