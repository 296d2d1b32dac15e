//! What the portal says, in three languages. Others get English.

use crate::providers::paylera::plans::Interval;

/// A language and its words.
pub struct Words {
    pub lang: &'static str,
    /// Which way it is written.
    pub dir: &'static str,
    pub title: &'static str,
    pub back: &'static str,
    pub plan: &'static str,
    pub renews: &'static str,
    pub ends: &'static str,
    pub trial_ends: &'static str,
    pub no_subscription: &'static str,
    pub change_plan: &'static str,
    pub switch: &'static str,
    pub quantity: &'static str,
    pub save: &'static str,
    pub cancel: &'static str,
    pub reactivate: &'static str,
    pub methods: &'static str,
    pub no_method: &'static str,
    pub default: &'static str,
    pub make_default: &'static str,
    pub remove: &'static str,
    pub add_method: &'static str,
    pub invoices: &'static str,
    pub none_yet: &'static str,
    pub pay: &'static str,
    pub tax_ids: &'static str,
    pub tax_type: &'static str,
    pub tax_value: &'static str,
    pub add: &'static str,
    pub address: &'static str,
    pub street: &'static str,
    pub street_more: &'static str,
    pub city: &'static str,
    pub region: &'static str,
    pub postal_code: &'static str,
    pub country: &'static str,
    pub card_details: &'static str,
    pub card_number: &'static str,
    pub expiry: &'static str,
    pub cvc: &'static str,
    pub cardholder: &'static str,
    pub check_fields: &'static str,
    pub bad_country: &'static str,
    pub bad_tax_id: &'static str,
    pub declined: &'static str,
    /// Every day, week, month, year.
    pub intervals: [&'static str; 4],
    pub statuses: [(&'static str, &'static str); 14],
    pub told: [(&'static str, &'static str); 9],
}

impl Words {
    /// The words of the first language asked for that is known: the session's own, else the browser's.
    pub fn choose(locale: Option<&str>, languages: &str) -> &'static Self {
        let known = |tag: &str| {
            let language = tag.split(['-', ';', ' ']).next().unwrap_or_default();
            ALL.into_iter().find(|words| words.lang.eq_ignore_ascii_case(language))
        };
        if let Some(locale) = locale {
            return known(locale).unwrap_or(&EN);
        }
        let weight = |part: &str| -> f32 {
            part.split_once(";q=").map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0))
        };
        let mut wanted: Vec<(&str, f32)> = languages.split(',').map(|part| (part.trim(), weight(part))).collect();
        wanted.sort_by(|one, other| other.1.total_cmp(&one.1));
        wanted.into_iter().filter(|(_, weight)| *weight > 0.0).find_map(|(part, _)| known(part)).unwrap_or(&EN)
    }

    /// How often a plan is billed; where it is every few months, how many that are.
    pub fn interval(&self, interval: Interval, count: u32) -> String {
        let place = match interval {
            Interval::Day => 0,
            Interval::Week => 1,
            Interval::Month => 2,
            Interval::Year => 3,
        };
        if count == 1 { self.intervals[place].to_owned() } else { format!("{} × {count}", self.intervals[place]) }
    }

    pub fn status(&self, name: &str) -> &'static str {
        lookup(&self.statuses, name)
    }

    pub fn said(&self, name: &str) -> Option<&'static str> {
        Some(lookup(&self.told, name)).filter(|text| !text.is_empty())
    }
}

fn lookup(table: &[(&'static str, &'static str)], name: &str) -> &'static str {
    table.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

static ALL: [&Words; 3] = [&EN, &FR, &AR];

static EN: Words = Words {
    lang: "en",
    dir: "ltr",
    title: "Your account",
    back: "Back to the app",
    plan: "Plan",
    renews: "Renews on",
    ends: "Ends on",
    trial_ends: "Trial ends on",
    no_subscription: "There is no subscription.",
    change_plan: "Change plan",
    switch: "Switch",
    quantity: "Quantity",
    save: "Save",
    cancel: "Cancel subscription",
    reactivate: "Keep subscription",
    methods: "Payment methods",
    no_method: "There is none yet.",
    default: "Default",
    make_default: "Make default",
    remove: "Remove",
    add_method: "Add a payment method",
    invoices: "Invoices",
    none_yet: "There is none yet.",
    pay: "Pay",
    tax_ids: "Tax IDs",
    tax_type: "Type",
    tax_value: "Number",
    add: "Add",
    address: "Billing address",
    street: "Address",
    street_more: "Address, second line",
    city: "City",
    region: "State or region",
    postal_code: "Postal code",
    country: "Country code",
    card_details: "Card details",
    card_number: "Card number",
    expiry: "Expiry date",
    cvc: "Security code",
    cardholder: "Name on card",
    check_fields: "Check the marked fields.",
    bad_country: "Two capital letters, such as US",
    bad_tax_id: "A type such as eu_vat, and a number",
    declined: "The card was declined. Nothing was paid.",
    intervals: ["every day", "every week", "every month", "every year"],
    statuses: [
        ("pending_activation", "Waiting for payment"),
        ("trialing", "Trial"),
        ("active", "Active"),
        ("past_due", "Past due"),
        ("paused", "Paused"),
        ("canceled", "Canceled"),
        ("ended", "Ended"),
        ("incomplete_expired", "Not started"),
        ("draft", "Draft"),
        ("open", "Open"),
        ("partially_paid", "Partly paid"),
        ("paid", "Paid"),
        ("void", "Void"),
        ("uncollectible", "Written off"),
    ],
    told: [
        ("plan", "Your plan was changed."),
        ("quantity", "The quantity was changed."),
        ("canceled", "Your subscription will not renew."),
        ("reactivated", "Your subscription goes on."),
        ("method", "Your payment methods were changed."),
        ("paid", "Thank you: the invoice is paid."),
        ("tax", "Your tax IDs were changed."),
        ("address", "Your address was changed."),
        ("refused", "That is not possible any more."),
    ],
};

static FR: Words = Words {
    lang: "fr",
    dir: "ltr",
    title: "Votre compte",
    back: "Retour à l’application",
    plan: "Formule",
    renews: "Renouvellement le",
    ends: "Se termine le",
    trial_ends: "Fin de l’essai le",
    no_subscription: "Il n’y a pas d’abonnement.",
    change_plan: "Changer de formule",
    switch: "Changer",
    quantity: "Quantité",
    save: "Enregistrer",
    cancel: "Résilier l’abonnement",
    reactivate: "Garder l’abonnement",
    methods: "Moyens de paiement",
    no_method: "Il n’y en a pas encore.",
    default: "Par défaut",
    make_default: "Utiliser par défaut",
    remove: "Supprimer",
    add_method: "Ajouter un moyen de paiement",
    invoices: "Factures",
    none_yet: "Il n’y en a pas encore.",
    pay: "Payer",
    tax_ids: "Numéros fiscaux",
    tax_type: "Type",
    tax_value: "Numéro",
    add: "Ajouter",
    address: "Adresse de facturation",
    street: "Adresse",
    street_more: "Complément d’adresse",
    city: "Ville",
    region: "Région",
    postal_code: "Code postal",
    country: "Code du pays",
    card_details: "Carte",
    card_number: "Numéro de carte",
    expiry: "Date d’expiration",
    cvc: "Code de sécurité",
    cardholder: "Nom sur la carte",
    check_fields: "Vérifiez les champs signalés.",
    bad_country: "Deux majuscules, par exemple FR",
    bad_tax_id: "Un type tel que eu_vat, et un numéro",
    declined: "La carte a été refusée. Rien n’a été payé.",
    intervals: ["par jour", "par semaine", "par mois", "par an"],
    statuses: [
        ("pending_activation", "En attente de paiement"),
        ("trialing", "Essai"),
        ("active", "Actif"),
        ("past_due", "En retard"),
        ("paused", "En pause"),
        ("canceled", "Résilié"),
        ("ended", "Terminé"),
        ("incomplete_expired", "Non commencé"),
        ("draft", "Brouillon"),
        ("open", "À payer"),
        ("partially_paid", "Payée en partie"),
        ("paid", "Payée"),
        ("void", "Annulée"),
        ("uncollectible", "Irrécouvrable"),
    ],
    told: [
        ("plan", "Votre formule a été changée."),
        ("quantity", "La quantité a été changée."),
        ("canceled", "Votre abonnement ne sera pas renouvelé."),
        ("reactivated", "Votre abonnement continue."),
        ("method", "Vos moyens de paiement ont été modifiés."),
        ("paid", "Merci : la facture est payée."),
        ("tax", "Vos numéros fiscaux ont été modifiés."),
        ("address", "Votre adresse a été modifiée."),
        ("refused", "Ce n’est plus possible."),
    ],
};

static AR: Words = Words {
    lang: "ar",
    dir: "rtl",
    title: "حسابك",
    back: "العودة إلى التطبيق",
    plan: "الباقة",
    renews: "يتجدد في",
    ends: "ينتهي في",
    trial_ends: "تنتهي الفترة التجريبية في",
    no_subscription: "لا يوجد اشتراك.",
    change_plan: "تغيير الباقة",
    switch: "تغيير",
    quantity: "الكمية",
    save: "حفظ",
    cancel: "إلغاء الاشتراك",
    reactivate: "الإبقاء على الاشتراك",
    methods: "وسائل الدفع",
    no_method: "لا توجد وسيلة بعد.",
    default: "الافتراضية",
    make_default: "تعيين كافتراضية",
    remove: "حذف",
    add_method: "إضافة وسيلة دفع",
    invoices: "الفواتير",
    none_yet: "لا توجد فواتير بعد.",
    pay: "دفع",
    tax_ids: "الأرقام الضريبية",
    tax_type: "النوع",
    tax_value: "الرقم",
    add: "إضافة",
    address: "عنوان الفوترة",
    street: "العنوان",
    street_more: "تتمة العنوان",
    city: "المدينة",
    region: "المنطقة",
    postal_code: "الرمز البريدي",
    country: "رمز البلد",
    card_details: "بيانات البطاقة",
    card_number: "رقم البطاقة",
    expiry: "تاريخ الانتهاء",
    cvc: "رمز الأمان",
    cardholder: "الاسم على البطاقة",
    check_fields: "راجع الحقول المحددة.",
    bad_country: "حرفان كبيران، مثل AE",
    bad_tax_id: "نوع مثل eu_vat ورقم",
    declined: "رُفضت البطاقة ولم يُدفع شيء.",
    intervals: ["كل يوم", "كل أسبوع", "كل شهر", "كل سنة"],
    statuses: [
        ("pending_activation", "بانتظار الدفع"),
        ("trialing", "تجريبي"),
        ("active", "نشط"),
        ("past_due", "متأخر"),
        ("paused", "متوقف مؤقتا"),
        ("canceled", "ملغى"),
        ("ended", "منته"),
        ("incomplete_expired", "لم يبدأ"),
        ("draft", "مسودة"),
        ("open", "مستحقة"),
        ("partially_paid", "مدفوعة جزئيا"),
        ("paid", "مدفوعة"),
        ("void", "ملغاة"),
        ("uncollectible", "معدومة"),
    ],
    told: [
        ("plan", "تم تغيير باقتك."),
        ("quantity", "تم تغيير الكمية."),
        ("canceled", "لن يتجدد اشتراكك."),
        ("reactivated", "اشتراكك مستمر."),
        ("method", "تم تغيير وسائل الدفع."),
        ("paid", "شكرا، تم دفع الفاتورة."),
        ("tax", "تم تغيير أرقامك الضريبية."),
        ("address", "تم تغيير عنوانك."),
        ("refused", "لم يعد ذلك ممكنا."),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_decides_then_the_browser() {
        let of = |locale, languages| Words::choose(locale, languages).lang;
        assert_eq!(of(Some("fr-CA"), "ar"), "fr");
        assert_eq!(of(Some("de"), "ar"), "en");
        assert_eq!(of(None, "de-DE, fr;q=0.4, ar;q=0.8, en;q=0.1"), "ar");
        assert_eq!(of(None, "fr;q=0"), "en");
        assert_eq!(of(None, ""), "en");
    }

    #[test]
    fn every_language_has_every_word() {
        for words in ALL {
            let keys = |words: &Words| words.statuses.map(|(name, _)| name);
            assert_eq!(keys(words), keys(&EN));
            assert_eq!(words.told.map(|(name, _)| name), EN.told.map(|(name, _)| name));
        }
    }
}
