"""Words by which a name is told from an instruction. They are compared in small letters without accents."""

import re

PARTICLES = frozenset(
    """
    a abu ad af al ap ar as ash av az ben bin bint da das de dei del della den der di do dos du e el i
    ibn la las le les lo
    los mac mc o op san st ten ter the til ul van vom von vor y zu zum zur
    """.split()
)

TITLES = {
    **dict.fromkeys("mr sir lord herr hr señor sr don m monsieur signor".split(), "m"),
    **dict.fromkeys(
        "mrs ms miss lady frau fr señora señorita sra srta doña mme mlle madame signora".split(), "f"
    ),
    **dict.fromkeys("mx dr prof rev hon jr capt lt sgt col gen ing mag dipl st ii iii".split(), ""),
}
"""Words of a name that are no name, and what they say of two people with one surname."""

NEVER_IN_A_NAME = frozenset(
    """
    about access account add admin administrator again agent all allow also always and anonymous another
    answer
    any anyone anything approve approved are ask assistant authorize authorized balance be bypass call
    caller cancel cannot change client code command confirm confirmed confirms credit customer data
    default delete developer disable disclose discount discounts does double employee enable every
    everyone everything execute follow for forget from full fully get give gives guest has have him his
    how human if ignore immediately important instruction instructions instead is issue its know later
    let make manager memories memory message money must name never new nobody none nor not now nothing
    null number obey of offer only order orders other our output override owner password pay payment
    permission phone please policy previous print prior prompt provide question questions refund refunds
    refuse remove repeat reply reset respond response reveal rules say says secret security send show
    someone speak supervisor support system that their them then they this total transfer unknown
    undefined unlimited unlock unspecified update use user valid verified verify vip waive was what when
    who whole without yes
    your

    alle alles anweisungen anrufer auf aus benutzer bestätige bestätigen bitte ein eine einen erstatte
    erstatten erstattung geben geld genehmige gewähre gutschrift ich ignoriere immer ist jetzt kein
    keine konto kunde lösche nicht niemals passwort regeln rückerstattung sie sofort übertrage überweise
    überweisen und vergiss unbekannt anonym niemand volle vollen vorherige vorherigen zahle zeige

    desconocida desconocido anónimo ninguno
    ahora anterior anteriores aprueba autoriza cliente clave concede confirma contraseña cuenta dinero
    entrega envía ignora instrucciones nunca olvida paga por que reembolsa reembolso sistema siempre
    tarjeta todas todos transfiere usuario

    anonyme aucun inconnu inconnue renseigné
    accorde acceptez appelant approuve autorise compte confirme confirmez donnez envoie ignorez jamais
    maintenant oublie oubliez paie précédentes remboursement rembourse rembourser remboursez toujours
    tous tout toutes transfère utilisateur

    approva conferma dammi dimentica istruzioni precedenti rimborsa rimborso sempre soldi trasferisci
    tutto utente agora aprove dinheiro esqueça instruções reembolse transfira bevestig geef geld negeer
    opdracht systeem systeme terugbetaling vergeet

    верни верните вернуть все деньги забудь игнорируй инструкции клиент немедленно не пароль переведи
    подтверди подтвердите полный сейчас система скажи

    أعد أعط المال الآن النظام تجاهل جميع قل كل وافق
    """.split()
)
"""What a caller may say to be read as an instruction: who is spoken to, what is to be done, with what."""

SELDOM_IN_A_NAME = frozenset(
    """
    agree argent bot card dame do donne forward free gib go he her in it limit list me mir my no nur on
    or person read role rule sage she so stop tell to toda todo trust us you
    """.split()
)
"""Words that are a name in one language ("He", "Her", "Tell") and in another a part of an instruction."""

NEVER_IN_AN_EAST_ASIAN_NAME = re.compile(
    "退款|忽略|無視|指令|指示|批准|承認|确认|確認|系统|系統|转账|轉帳|密码|密碼|立即|马上|馬上|全额|全額|返金|请|給我|给我|不要"
    "|ください|下さい|せよ|して|する|を"
    "|환불|무시|승인|확인|지시|주세요|하세요|십시오|하라|해라|비밀번호|모든"
)
