using System.Globalization;
using System.Text;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>
/// PgBouncer's configuration file as made from a template, with the variables <c>{{.Host}}</c>, <c>{{.Port}}</c> and <c>{{.Database}}</c>. The
/// file is replaced in one step, so that a PgBouncer that reads it at any moment reads all of the old or all of the new one.
/// </summary>
public sealed class PoolerTemplate : IPoolerConfig
{
    private const string RequiredSetting = "ignore_startup_parameters";
    private const string RequiredParameter = "extra_float_digits";

    private const UnixFileMode DefaultMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _templateFile;
    private readonly string _configFile;
    private readonly string? _database;

    /// <summary>Makes it; no file is read yet.</summary>
    /// <param name="templateFile">Path of the template.</param>
    /// <param name="configFile">Path of the file to write: the one PgBouncer was started with.</param>
    /// <param name="database">Value of <c>{{.Database}}</c> where the target has none; null when the template must not use it.</param>
    public PoolerTemplate(string templateFile, string configFile, string? database)
    {
        ArgumentException.ThrowIfNullOrEmpty(templateFile);
        ArgumentException.ThrowIfNullOrEmpty(configFile);
        _templateFile = templateFile;
        _configFile = configFile;
        _database = database;
    }

    /// <summary>The template with the variables' values in it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: the template or a value cannot be used.</exception>
    public async Task<string> RenderAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        string template;
        try
        {
            template = await File.ReadAllTextAsync(_templateFile, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Invalid($"failed to read the PgBouncer template {_templateFile}: {exception.Message}", _templateFile, exception);
        }

        if (!template.Split('\n').Any(IgnoresRequiredParameter))
        {
            // Drivers send it at login, and PgBouncer turns away whoever sends a parameter that it neither tracks nor ignores.
            throw Invalid($"the PgBouncer template {_templateFile} needs {RequiredSetting} with {RequiredParameter} in it", _templateFile);
        }

        return Fill(template, target);
    }

    /// <inheritdoc/>
    public async Task WriteAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        var text = await RenderAsync(target, cancellationToken).ConfigureAwait(false);
        try
        {
            // A link stays a link: what it leads to is replaced.
            var file = new FileInfo(_configFile);
            var path = file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
            var bytes = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text);
            if (!await IsAlreadyAsync(path, bytes, cancellationToken).ConfigureAwait(false))
            {
                await ReplaceAsync(path, bytes, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Invalid($"failed to write the PgBouncer configuration {_configFile}: {exception.Message}", _configFile, exception);
        }
    }

    /// <inheritdoc/>
    public async Task<string?> ObjectionAsync(Redirect redirect, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(redirect);
        var there = new PrimaryAddress(redirect.Host, redirect.Port);
        Task<string> With(string database) => RenderAsync(new PoolerTarget(there, database), cancellationToken);
        try
        {
            var moved = await With(redirect.Database).ConfigureAwait(false);
            var named = await With(redirect.SourceDatabase).ConfigureAwait(false);
            if (_database is not null && _database != redirect.SourceDatabase && await With(_database).ConfigureAwait(false) != named)
            {
                return $"{{{{.Database}}}} in {_templateFile} is {_database}, not {redirect.SourceDatabase}";
            }

            return redirect.Database != redirect.SourceDatabase && moved == named
                ? $"{_templateFile} has no {{{{.Database}}}} that would lead from {redirect.SourceDatabase} to {redirect.Database}"
                : null;
        }
        catch (PgClusterException e) when (e.Reason == Reason.InvalidConfiguration)
        {
            return e.Message;
        }
    }

    private static async Task<bool> IsAlreadyAsync(string path, byte[] bytes, CancellationToken cancellationToken)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length != bytes.Length)
        {
            return false;
        }

        var present = await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
        return bytes.AsSpan().SequenceEqual(present);
    }

    private static async Task ReplaceAsync(string path, byte[] bytes, CancellationToken cancellationToken)
    {
        // In the same directory: a rename across file systems is a copy.
        var temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                // A template may hold passwords: nobody else's until it has the mode of the file it replaces.
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            var stream = new FileStream(temporary, options);
            await using (stream.ConfigureAwait(false))
            {
                await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
                stream.Flush(flushToDisk: true);
            }

            if (!OperatingSystem.IsWindows())
            {
                var mode = File.Exists(path) ? File.GetUnixFileMode(path) : DefaultMode;
                if (OperatingSystem.IsLinux() && File.Exists(path))
                {
                    FileOwner.Copy(path, temporary, othersMayRead: mode.HasFlag(UnixFileMode.OtherRead));
                }

                File.SetUnixFileMode(temporary, mode);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static bool IgnoresRequiredParameter(string line)
    {
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        return equals > 0
            && line.AsSpan(0, equals).Trim().Equals(RequiredSetting, StringComparison.Ordinal)
            && line[(equals + 1)..].Split(',', StringSplitOptions.TrimEntries).Contains(RequiredParameter, StringComparer.Ordinal);
    }

    private string Fill(string template, PoolerTarget target)
    {
        var text = new StringBuilder(template.Length + 64);
        var position = 0;
        while (true)
        {
            var open = template.IndexOf("{{", position, StringComparison.Ordinal);
            if (open < 0)
            {
                return text.Append(template, position, template.Length - position).ToString();
            }

            var close = template.IndexOf("}}", open, StringComparison.Ordinal);
            if (close < 0 || template.AsSpan(open, close - open).Contains('\n'))
            {
                throw InvalidLine(template, open, "{{ is not closed");
            }

            var name = template[(open + 2)..close].Trim();
            text.Append(template, position, open - position).Append(Value(name, template, open, target));
            position = close + 2;
        }
    }

    private string Value(string name, string template, int at, PoolerTarget target)
    {
        var value = name switch
        {
            ".Host" => target.Address.Host,
            ".Port" => target.Address.Port.ToString(CultureInfo.InvariantCulture),
            ".Database" => target.Database ?? _database ?? throw InvalidLine(template, at, "{{.Database}} is used and no database is configured"),
            _ => throw InvalidLine(template, at, $"{{{{{name}}}}} is none of {{{{.Host}}}}, {{{{.Port}}}} and {{{{.Database}}}}"),
        };

        // The address comes from etcd: whoever can write there must not be able to write PgBouncer's other settings.
        if (value.Length == 0 || value.Any(static character => char.IsControl(character) || char.IsWhiteSpace(character) || "'\"\\;#=,{}".Contains(character, StringComparison.Ordinal)))
        {
            throw InvalidLine(template, at, $"the value of {{{{{name}}}}} is empty or has a character that means something in PgBouncer's configuration");
        }

        return value;
    }

    private PgClusterException InvalidLine(string template, int at, string what)
    {
        var line = 1 + template.AsSpan(0, at).Count('\n');
        return Invalid(string.Create(CultureInfo.InvariantCulture, $"the PgBouncer template {_templateFile} cannot be used, line {line}: {what}"), _templateFile);
    }

    private static PgClusterException Invalid(string message, string file, Exception? inner = null) =>
        new(Reason.InvalidConfiguration, message, inner) { Target = file };
}
