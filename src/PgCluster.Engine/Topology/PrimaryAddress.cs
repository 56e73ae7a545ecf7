using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace PgCluster.Engine.Topology;

/// <summary>
/// The primary's address as it is published: the host alone when the port is PostgreSQL's own, 5432, so that readers which know
/// of no ports can use it; else host:port. An IPv6 address with a port stands in brackets.
/// </summary>
/// <param name="Host">Host name or address, without brackets.</param>
/// <param name="Port">TCP port.</param>
public sealed record PrimaryAddress(string Host, int Port)
{
    /// <summary>The port that is not written.</summary>
    public const int DefaultPort = 5432;

    /// <summary>Reads the published form.</summary>
    /// <exception cref="FormatException">The text is no address.</exception>
    public static PrimaryAddress Parse(string text) =>
        TryParse(text, out var address)
            ? address
            : throw new FormatException($"'{text}' is not the address of a primary; expected host, host:port or [IPv6]:port.");

    /// <summary>Reads the published form; false when it is anything else, the empty text included.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PrimaryAddress? address)
    {
        address = null;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        string host;
        var port = "";
        if (text[0] == '[')
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            if (close < 0 || (close + 1 < text.Length && text[close + 1] != ':') || close + 2 == text.Length)
            {
                return false;
            }

            host = text[1..close];
            port = close + 1 < text.Length ? text[(close + 2)..] : "";
            if (!host.Contains(':', StringComparison.Ordinal))
            {
                return false;
            }
        }
        else
        {
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            // More than one colon without brackets: an IPv6 address alone.
            if (colon < 0 || text.IndexOf(':', colon + 1) >= 0)
            {
                host = text;
            }
            else
            {
                host = text[..colon];
                port = text[(colon + 1)..];
                if (port.Length == 0)
                {
                    return false;
                }
            }
        }

        var number = DefaultPort;
        if (host.Length == 0
            || !host.All(IsHostCharacter)
            || (port.Length > 0
                && (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number is < 1 or > 65535)))
        {
            return false;
        }

        address = new PrimaryAddress(host, number);
        return true;
    }

    /// <summary>The published form.</summary>
    public override string ToString() => Port == DefaultPort ? Host : ToHostAndPort();

    /// <summary>host:port, whatever the port.</summary>
    public string ToHostAndPort() => Host.Contains(':', StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"[{Host}]:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    // Names, IPv4, IPv6 and its zone; nothing that means something in a config file or a URI.
    private static bool IsHostCharacter(char character) => char.IsAsciiLetterOrDigit(character) || character is '.' or '-' or '_' or ':' or '%';
}
