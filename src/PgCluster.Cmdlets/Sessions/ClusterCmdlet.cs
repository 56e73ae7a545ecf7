using System.Management.Automation;
using PgCluster.Client;

namespace PgCluster.Cmdlets;

/// <summary>
/// Base of the cmdlets that work on a cluster. Which one: -Connection, else -ConfigFile, else the runspace's default session, else the
/// environment variable PGCLUSTER_CONFIG_FILE. What is opened for the cmdlet alone is closed with it.
/// </summary>
public abstract class ClusterCmdlet : AsyncPgCmdlet
{
    private readonly Dictionary<string, PgClusterSession> _own = new(StringComparer.Ordinal);
    private PgClusterSession? _default;
    private PgClusterSession? _session;
    private string? _file;
    private bool _recordIsCluster;
    private bool _nameIsGiven;
    private bool _fileIsGiven;
    private CmdletPipeline? _pipeline;

    /// <summary>The session of Connect-PgCluster to use, or the name of a connected cluster.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SessionFromName]
    [ArgumentCompleter(typeof(SessionCompleter))]
    public PgClusterSession? Connection { get; set; }

    /// <summary>Configuration file of the cluster; opened for this command and closed again.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? ConfigFile { get; set; }

    /// <summary>The session the record at hand goes to; opened when it is asked for first.</summary>
    private protected PgClusterSession Session => _session ??= Resolve();

    /// <summary>The cluster the record at hand goes to.</summary>
    private protected ClusterConnection Cluster => Session.Use();

    /// <summary>
    /// <paramref name="names"/>, or none when the record at hand is a cluster or a playground: its property Name is then that of the cluster,
    /// which would be taken for the name of something in it.
    /// </summary>
    private protected string[]? NamesBelow(string[]? names) => _recordIsCluster ? null : names;

    /// <summary>Does the work for one record.</summary>
    /// <param name="pipeline">Where to write to and ask.</param>
    /// <param name="cancellationToken">Cancelled when the cmdlet is stopped or nobody takes its output any more.</param>
    protected abstract Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken);

    /// <inheritdoc/>
    protected override void PrepareBegin()
    {
        // What is bound before the first record comes from the command line.
        _nameIsGiven = MyInvocation.BoundParameters.ContainsKey("Name");
        _fileIsGiven = MyInvocation.BoundParameters.ContainsKey(nameof(ConfigFile));
    }

    /// <inheritdoc/>
    protected override void PrepareProcess()
    {
        _recordIsCluster = !_fileIsGiven && ConfigFile is not null && !_nameIsGiven;
        _default = RunspaceSessions.Current.Default;
        _file = ConfigFile is null ? null : GetUnresolvedProviderPathFromPSPath(ConfigFile);
    }

    /// <inheritdoc/>
    protected sealed override Task ProcessAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        _session = null;
        _pipeline = pipeline;
        return RunAsync(pipeline, cancellationToken);
    }

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        foreach (var session in _own.Values)
        {
            await session.CloseAsync();
        }

        _own.Clear();
    }

    private PgClusterSession Resolve()
    {
        if (Connection is { } given)
        {
            return given;
        }

        if (_file is null && _default is { } open)
        {
            return open;
        }

        var file = _file ?? Environment.GetEnvironmentVariable(ClusterConfiguration.FileVariable);
        if (string.IsNullOrEmpty(file))
        {
            throw ErrorTable.Own(ErrorTable.NotConnected, "No cluster is connected and none was named.");
        }

        if (!_own.TryGetValue(file, out var session))
        {
            session = PgClusterSession.Open(file);
            _own.Add(file, session);
            _pipeline?.Verbose($"Opened cluster '{session.Cluster}' from {file} for this command.");
        }

        return session;
    }
}
