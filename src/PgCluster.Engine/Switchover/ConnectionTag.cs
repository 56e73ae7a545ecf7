using System.Buffers.Text;
using System.Globalization;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// The mark of a participant's connections, carried as application_name: PRODUCT vVERSION SWO:TYPE:ID. At most 61 characters, so that the server, which
/// keeps 63, never cuts it.
/// </summary>
public sealed record ConnectionTag
{
    /// <summary>The product when none is named.</summary>
    public const string DefaultProduct = "PgCluster";

    /// <summary>A participant's own connection to the current database.</summary>
    public const char NodeOnCurrent = 'A';

    /// <summary>The application's connection to the current database.</summary>
    public const char ApplicationOnCurrent = 'B';

    /// <summary>A participant's own connection to the next database.</summary>
    public const char NodeOnNext = 'C';

    /// <summary>The application's connection to the next database.</summary>
    public const char ApplicationOnNext = 'D';

    private const int MaxLength = 61;
    private const int MaxVersion = 24;
    private const int MaxProduct = 20;
    private const int IdBytes = 16;

    /// <summary>A blank, SWO:, the type, a colon and 22 characters for 16 bytes.</summary>
    private const int SuffixLength = 29;

    /// <summary>The application's version, with its v when it has one.</summary>
    public required string Version { get; init; }

    /// <summary>A to D.</summary>
    public required char Type { get; init; }

    /// <summary>The participant.</summary>
    public required Guid Id { get; init; }

    /// <summary>True for the types that belong on the next database.</summary>
    public static bool IsNext(char type) => type is NodeOnNext or ApplicationOnNext;

    /// <summary>The application_name.</summary>
    /// <param name="product">1 to 20 visible ASCII characters.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a product, version or type that could not be read back.</exception>
    public string Format(string product = DefaultProduct)
    {
        if (product.Length is < 1 or > MaxProduct || !IsWord(product))
        {
            throw Wrong($"the product '{product}' must be 1 to 20 visible ASCII characters without blanks");
        }

        if (Version.Length == 0 || !IsWord(Version))
        {
            throw Wrong($"the version '{Version}' must be visible ASCII characters without blanks");
        }

        if (!IsType(Type))
        {
            throw Wrong($"invalid connection type: {Type}");
        }

        var room = Math.Min(MaxVersion, MaxLength - SuffixLength - product.Length - 1);
        var version = Version.Length > room ? Version[..room] : Version;
        return $"{product} {version} SWO:{Type}:{Base64Url.EncodeToString(Id.ToByteArray(bigEndian: true))}";
    }

    /// <summary>Reads an application_name.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, saying what it lacks.</exception>
    public static ConnectionTag Parse(string name, string product = DefaultProduct) => TryParse(name, product, out var error) ?? throw Wrong(error);

    /// <summary>Reads an application_name; null when it is no participant's.</summary>
    /// <param name="name">The application_name.</param>
    /// <param name="product">The product it has to begin with.</param>
    /// <param name="error">What it lacks; empty when nothing.</param>
    public static ConnectionTag? TryParse(string name, string product, out string error)
    {
        error = "";
        if (!name.StartsWith(product + " ", StringComparison.Ordinal))
        {
            error = $"missing '{product}' prefix";
            return null;
        }

        var words = name[(product.Length + 1)..].Split(' ');
        var segments = words[^1].Split(':');
        if (words.Length != 2 || words[0].Length == 0 || segments.Length != 3)
        {
            error = "incorrect number of segments";
            return null;
        }

        if (segments[0] != "SWO")
        {
            error = "missing 'SWO' suffix";
            return null;
        }

        if (segments[1] is not [var type] || !IsType(type))
        {
            error = $"invalid connection type: {segments[1]}";
            return null;
        }

        Span<byte> id = stackalloc byte[IdBytes];
        if (!Base64Url.IsValid(segments[2], out var length) || length != IdBytes || segments[2].Contains('=', StringComparison.Ordinal)
            || !Base64Url.TryDecodeFromChars(segments[2], id, out _))
        {
            error = string.Create(CultureInfo.InvariantCulture, $"invalid ID: not {IdBytes} bytes of base64");
            return null;
        }

        return new ConnectionTag { Version = words[0], Type = type, Id = new Guid(id, bigEndian: true) };
    }

    private static bool IsType(char type) => type is >= NodeOnCurrent and <= ApplicationOnNext;

    private static bool IsWord(string text) => text.All(c => c is > ' ' and <= '~');

    private static PgClusterException Wrong(string what) => new(Reason.InvalidArgument, $"This is no participant's application_name: {what}.");
}
