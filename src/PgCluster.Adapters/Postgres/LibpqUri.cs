using System.Globalization;
using Npgsql;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// A libpq connection URI, read strictly: what cannot be honoured is an error that names it, and no error or text form holds a password.
/// </summary>
public sealed class LibpqUri
{
    private static readonly string[] Schemes = ["postgresql://", "postgres://"];

    private static readonly (string Name, SslMode Mode)[] SslModes =
    [
        ("disable", SslMode.Disable), ("allow", SslMode.Allow), ("prefer", SslMode.Prefer), ("require", SslMode.Require),
        ("verify-ca", SslMode.VerifyCA), ("verify-full", SslMode.VerifyFull),
    ];

    private LibpqUri()
    {
    }

    /// <summary>Host name, address, or directory of a Unix socket.</summary>
    public string Host { get; private set; } = "localhost";

    /// <summary>TCP port.</summary>
    public int Port { get; private set; } = 5432;

    /// <summary>Role to log in as; null for PGUSER or the account's name.</summary>
    public string? User { get; private set; }

    /// <summary>Database; null for the one named as the role.</summary>
    public string? Database { get; private set; }

    /// <summary>How much TLS is asked for.</summary>
    public SslMode SslMode { get; private set; } = SslMode.Prefer;

    /// <summary>application_name; null when not given.</summary>
    public string? ApplicationName { get; private set; }

    /// <summary>connect_timeout; null when not given.</summary>
    public TimeSpan? ConnectTimeout { get; private set; }

    private string? Password { get; set; }

    private string? RootCertificate { get; set; }

    private string? Certificate { get; set; }

    private string? Key { get; set; }

    /// <summary>Reads a URI.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>; says what is wrong without repeating values.</exception>
    public static LibpqUri Parse(string text)
    {
        var scheme = Schemes.FirstOrDefault(s => text.StartsWith(s, StringComparison.Ordinal)) ?? throw Wrong("it does not begin with postgresql://");
        var rest = text.AsSpan(scheme.Length);
        if (rest.Contains('#'))
        {
            throw Wrong("it holds a '#'; write %23");
        }

        var uri = new LibpqUri();
        var query = rest.IndexOf('?');
        var parameters = query < 0 ? default : rest[(query + 1)..];
        rest = query < 0 ? rest : rest[..query];
        var slash = rest.IndexOf('/');
        var database = slash < 0 ? default : rest[(slash + 1)..];
        var authority = slash < 0 ? rest : rest[..slash];
        if (database.Contains('/'))
        {
            throw Wrong("its path has more than one part; expected the database's name, with a '/' in it written as %2F");
        }

        uri.Database = NullIfEmpty(Decode(database, "the database"));
        var at = authority.IndexOf('@');
        if (at >= 0)
        {
            var user = authority[..at];
            authority = authority[(at + 1)..];
            if (authority.Contains('@'))
            {
                throw Wrong("it has more than one '@'; write the one in a name or password as %40");
            }

            var colon = user.IndexOf(':');
            uri.User = NullIfEmpty(Decode(colon < 0 ? user : user[..colon], "the user"));
            uri.Password = colon < 0 ? null : NullIfEmpty(Decode(user[(colon + 1)..], "the password"));
        }

        uri.ReadHostAndPort(authority);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var range in parameters.IsEmpty ? default : parameters.Split('&'))
        {
            uri.ReadParameter(parameters[range], seen);
        }

        if ((uri.Certificate is null) != (uri.Key is null))
        {
            throw Wrong("sslcert and sslkey go together");
        }

        return uri;
    }

    /// <summary>Settings of a connection to it.</summary>
    public NpgsqlConnectionStringBuilder ToConnectionString()
    {
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = Host,
            Port = Port,
            Username = User,
            Password = Password,
            Database = Database,
            SslMode = SslMode,
            GssEncryptionMode = GssEncryptionMode.Disable,
            PersistSecurityInfo = false,
        };
        if (RootCertificate is not null)
        {
            builder.RootCertificate = RootCertificate;
        }

        if (Certificate is not null)
        {
            builder.SslCertificate = Certificate;
            builder.SslKey = Key;
        }

        return builder;
    }

    /// <summary>The same as a libpq connection string, which a server hands to its own libpq. Holds the password when the URI did.</summary>
    /// <param name="applicationName">application_name to use.</param>
    public string ToConnectionInfo(string applicationName)
    {
        (string Keyword, string? Value)[] settings =
        [
            ("host", Host), ("port", Port.ToString(CultureInfo.InvariantCulture)), ("user", User), ("password", Password), ("dbname", Database),
            ("application_name", applicationName), ("sslmode", SslMode == SslMode.Prefer ? null : SslModes.First(m => m.Mode == SslMode).Name),
            ("sslrootcert", RootCertificate), ("sslcert", Certificate), ("sslkey", Key),
        ];
        return string.Join(' ', settings.Where(s => s.Value is not null).Select(s =>
            $"{s.Keyword}='{s.Value!.Replace("\\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal)}'"));
    }

    /// <summary>The URI again, without the password.</summary>
    public string ToUri()
    {
        (string Name, string? Value)[] parameters =
        [
            ("host", Host.StartsWith('/') ? Host : null), ("application_name", ApplicationName),
            ("connect_timeout", ConnectTimeout?.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)),
            ("sslmode", SslMode == SslMode.Prefer ? null : SslModes.First(m => m.Mode == SslMode).Name),
            ("sslrootcert", RootCertificate), ("sslcert", Certificate), ("sslkey", Key),
        ];
        var query = string.Join('&', parameters.Where(p => p.Value is not null).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!)}"));
        var user = User is null ? "" : Uri.EscapeDataString(User) + "@";
        var host = Host.StartsWith('/') ? "" : Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Uri.EscapeDataString(Host);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"postgresql://{user}{host}:{Port}/{(Database is null ? "" : Uri.EscapeDataString(Database))}{(query.Length > 0 ? "?" + query : "")}");
    }

    /// <summary>Where it leads, without user or password: host:port/database.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}/{Database ?? User}");

    private void ReadHostAndPort(ReadOnlySpan<char> authority)
    {
        if (authority.Contains(','))
        {
            throw Wrong("it names several hosts; give the one that clients connect to");
        }

        ReadOnlySpan<char> port = default;
        if (authority.StartsWith("[", StringComparison.Ordinal))
        {
            var close = authority.IndexOf(']');
            if (close < 0 || (close + 1 < authority.Length && authority[close + 1] != ':'))
            {
                throw Wrong("the address that begins with '[' does not end with ']' or ']:port'");
            }

            Host = authority[1..close].ToString();
            if (close + 1 < authority.Length)
            {
                port = authority[(close + 2)..];
            }
        }
        else
        {
            var colon = authority.IndexOf(':');
            Host = NullIfEmpty(Decode(colon < 0 ? authority : authority[..colon], "the host")) ?? Host;
            port = colon < 0 ? default : authority[(colon + 1)..];
        }

        if (!port.IsEmpty)
        {
            Port = ReadPort(port);
        }
    }

    private void ReadParameter(ReadOnlySpan<char> parameter, HashSet<string> seen)
    {
        var equals = parameter.IndexOf('=');
        if (equals <= 0)
        {
            throw Wrong("a parameter after '?' has not the form name=value");
        }

        var name = Decode(parameter[..equals], "a parameter's name");
        var value = Decode(parameter[(equals + 1)..], name);
        if (!seen.Add(name))
        {
            throw Wrong($"it gives {name} twice");
        }

        switch (name)
        {
            case "host":
                Host = value;
                break;
            case "port":
                Port = ReadPort(value);
                break;
            case "user":
                User = value;
                break;
            case "password":
                Password = value;
                break;
            case "dbname":
                Database = value;
                break;
            case "application_name":
                ApplicationName = value;
                break;
            case "connect_timeout":
                ConnectTimeout = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 1 and <= 600
                    ? TimeSpan.FromSeconds(seconds)
                    : throw Wrong("connect_timeout is no whole number of seconds from 1 to 600");
                break;
            case "sslmode":
                SslMode = SslModes.Any(m => m.Name == value)
                    ? SslModes.First(m => m.Name == value).Mode
                    : throw Wrong($"sslmode is none of {string.Join(", ", SslModes.Select(m => m.Name))}");
                break;
            case "sslrootcert":
                RootCertificate = value;
                break;
            case "sslcert":
                Certificate = value;
                break;
            case "sslkey":
                Key = value;
                break;
            default:
                throw Wrong($"it gives the parameter {name}, which is not supported; supported are host, port, user, password, dbname, application_name, "
                    + "connect_timeout, sslmode, sslrootcert, sslcert and sslkey");
        }
    }

    private static int ReadPort(ReadOnlySpan<char> text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
            ? port
            : throw Wrong("its port is no number from 1 to 65535");

    /// <summary>Undoes percent-encoding; a half-written escape is an error, because libpq says so too.</summary>
    private static string Decode(ReadOnlySpan<char> text, string what)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && !(i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2])))
            {
                throw Wrong($"{what} holds a '%' that is not followed by two hexadecimal digits");
            }
        }

        return Uri.UnescapeDataString(text);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private static PgClusterException Wrong(string what) => new(
        Reason.InvalidArgument, $"the connection URI cannot be used: {what} (expected postgresql://user@host:port/database)");
}
